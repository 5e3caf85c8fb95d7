# Stash: push, list, show, pop, with untracked files, by parts, onto a branch.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
echo 1 > f; echo 1 > g; git add .; git commit -qm one
git stash; echo 2 > f; echo 3 > new
git stash push -m "my work"; git status --short; git stash list
git stash pop; git status --short
git stash -u -q; ls; git stash show -p; git stash show --include-untracked --stat
git stash apply -q --index; git stash drop -q; git stash list | wc -l
git add f; echo 4 > g; git stash -k -q; git status --short; cat g; git reset -q --hard; git stash pop -q; git status --short
git stash push -q f -m part; git status --short; git stash branch fromstash -q; git branch --show-current; git status --short
git commit -qam x; echo c1 > f; git stash -q; echo c2 > f; git commit -qam y; git stash pop; echo "exit $?"; cat f; git stash list
git checkout -q -- f 2>/dev/null; git reset -q --hard; git stash clear; git stash pop; echo "exit $?"
git stash drop; echo "exit $?"
cd /; rm -rf "$d"
