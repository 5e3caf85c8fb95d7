# Tags, describe, names of revisions.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
for i in 1 2 3; do echo $i > f; git add f; git commit -qm c$i; git tag v1.$i; done
git tag -a v2.0 -m "release 2" -m body; echo 4 > f; git commit -qam c4
git tag; git tag -l 'v1*' --sort=-v:refname; git tag -n2 -l v2.0; git describe; git describe --tags --long HEAD~1; git describe --exact-match; echo $?
git cat-file -t v2.0; git cat-file -p v2.0; git rev-parse v2.0^{commit} v2.0 v1.1; git show v2.0 --stat --format=%s
git tag v1.1; echo $?
git tag -d v1.1; git tag -d nothere; echo $?
git tag -f v1.2 HEAD; git rev-parse --short v1.2; git name-rev --name-only HEAD~2
git rev-parse HEAD^ HEAD~2 :/c2 'HEAD@{1}' main:f --short=6 --verify 2>&1 | tail -n 1
git rev-parse --abbrev-ref HEAD; git rev-parse nothere; echo $?
git tag --contains HEAD~1; git tag --points-at HEAD; git show-ref --tags -d
cd /; rm -rf "$d"
