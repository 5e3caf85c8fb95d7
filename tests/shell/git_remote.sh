# Clone, fetch, push and pull by a path: what is told, refused and tracked.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q --bare hub.git; git clone -q hub.git one; cd one; git status -sb
echo 1 > f; git add f; git commit -qm c1; git push -q -u origin main; git branch -vv
cd ..; git clone -q hub.git two; cd two; git log --oneline; echo 2 >> f; git commit -qam c2; git push 2>&1 | sed "s,$d,D,"
cd ../one; echo x > g; git add g; git commit -qm mine; git push >/dev/null 2>&1; echo "exit $?"
git fetch -q; git status -sb; git pull -q --rebase; git log --format=%s; git push -q; git rev-list --count origin/main
git push -q origin HEAD:feature; git push -q origin --tags; git ls-remote ../hub.git | cut -f2; git push -q origin --delete feature; git ls-remote --heads origin | cut -f2
cd ../two; git pull -q --ff-only; cat f g; git remote -v | sed "s,$d,D,"; git remote add up ../one; git fetch -q up; git branch -r | grep -v HEAD; git remote show -n up | sed "s,$d,D," | head -n 4
git remote rename up other; git remote remove other; git remote; git remote get-url nothere; echo $?
cd ..; git clone -q --depth 1 "file://$d/hub.git" shallow; git -C shallow rev-list --count HEAD; git -C shallow fetch -q --unshallow; git -C shallow rev-list --count HEAD
git clone nothere x; echo $?
git clone -q --single-branch -b main one three; git -C three log -1 --format=%s; git clone -q --mirror one m.git; git -C m.git config remote.origin.mirror
cd one; echo force > f; git commit -q --amend -am forced; git push -q 2>/dev/null; echo $?; git push -q --force-with-lease; git -C ../hub.git log -1 --format=%s
git push -q origin main:refs/heads/x :refs/heads/nothere 2>&1 | sed "s,$d,D,g" | head -n 1
cd /; rm -rf "$d"
