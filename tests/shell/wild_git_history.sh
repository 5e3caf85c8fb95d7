# A small history: branches, a conflict, its resolution, tags, blame and a search for the bad commit.
# needs: git
set -e
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com
export GIT_AUTHOR_DATE='2025-03-01T12:00:00Z' GIT_COMMITTER_DATE='2025-03-01T12:00:00Z' GIT_CONFIG_NOSYSTEM=1
cd "$(mktemp -d)"
git init -q -b main repo && cd repo
for i in 1 2 3 4 5 6; do
    echo "line $i" >> notes.txt
    [ $i -ge 4 ] && echo "return 1" > check.sh || echo "return 0" > check.sh
    git add . && git commit -q -m "Step $i"
done
git log --oneline --format='%s' | cat
git checkout -q -b feature HEAD~2
sed -i 's/line 2/line two/' notes.txt && git commit -qam "Spell it out"
git checkout -q main
sed -i 's/line 2/LINE 2/' notes.txt && git commit -qam "Shout"
git merge feature 2>&1 || echo "merge: $?"
git status --short
grep -c '<<<<<<<\|>>>>>>>' notes.txt
printf 'line 1\nLINE TWO\nline 3\nline 4\nline 5\nline 6\n' > notes.txt
git add notes.txt && git commit -q -m "Merge feature"
git log --graph --format='%s' -4 | cat
git tag -a v1.0 -m "First" && git describe
git show --stat --format='%an %s' HEAD~1 | cat
git diff --shortstat v1.0~1 v1.0
git blame -s --abbrev=7 notes.txt | sed 's/^[^ ]* *//' | head -3
git bisect start HEAD HEAD~5 >/dev/null 2>&1 || true
git bisect run sh -c '. ./check.sh' 2>&1 | grep -c "is the first .*bad.* commit"
git bisect reset >/dev/null 2>&1
git stash list | wc -l
echo wip >> notes.txt && git stash -q && git status --short && git stash pop -q && git diff --stat | cat
git rev-list --count HEAD
