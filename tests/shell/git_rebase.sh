# Rebase: plain, onto, interactive by a scripted editor, exec, conflict, abort, autosquash.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
c() { echo "$1" > "$1"; git add "$1"; git commit -qm "$1"; }
c a; c b; git checkout -qb t HEAD~; c x; c y; c z
git rebase -q main; git log --format=%s
GIT_SEQUENCE_EDITOR="sed -i -e '1s/pick/reword/' -e '2s/pick/squash/' -e '3s/pick/drop/'" GIT_EDITOR='sed -i "1s/^/(edited) /"' git rebase -q -i main
git log --format='%s|%b' ; ls
git checkout -qb o main~; c k; git rebase -q --onto t main~ o; git log --format=%s
c l; git rebase -q --exec 'echo "at $(git log -1 --format=%s)"' HEAD~2
echo q > k; git commit -qam "fixup! k"; GIT_SEQUENCE_EDITOR=: git rebase -q -i --autosquash HEAD~3; git log --format=%s -2; cat k
git checkout -q main; echo other > a; git commit -qam "a on main"; git checkout -qb conf HEAD~; echo mine > a; git commit -qam "a on conf"
git rebase main >/dev/null 2>&1; echo "exit $?"; git status --short; git diff --name-only --diff-filter=U
echo both > a; git add a; GIT_EDITOR=: git rebase --continue >/dev/null 2>&1; git log --format=%s -2; cat a
git reset -q --hard ORIG_HEAD~0; git checkout -qb again main~; echo z > a; git commit -qam z; git rebase main >/dev/null 2>&1; git rebase --abort; git log -1 --format=%s
git rebase --skip; echo "exit $?"
git rebase --exec false HEAD~1 >/dev/null 2>&1; echo "exit $?"; git rebase --quit; git branch | wc -l
cd /; rm -rf "$d"
