# A repository from nothing: the hashes are of the content, so they are the same everywhere.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
git rev-parse --is-inside-work-tree --show-prefix
printf 'one\ntwo\n' > a; mkdir d; echo deep > d/b; ln -s a l; printf '#!/bin/sh\n' > x; chmod +x x
git status --short
git add .
git status --short
git commit -qm "first" && git rev-parse HEAD
git ls-files -s
git cat-file -p HEAD
git cat-file -p HEAD^{tree}
echo three >> a; git rm -q --cached x; git mv d/b d/c
git status --porcelain=v2 | cut -d' ' -f1-5
git commit -qam "second"; git log --format='%h %s %an %ad' --date=iso
git show --stat --format=%s
git show --name-status --format=%t HEAD~1
git commit -m empty; echo "exit $?"
git count-objects | cut -d' ' -f1,2
git fsck --strict; echo $?
cd /; rm -rf "$d"
