# Bisect by hand and by a script that judges.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
for i in $(seq 1 20); do echo $i > n; git add n; GIT_COMMITTER_DATE="2024-01-01T00:00:$(printf %02d $i)Z" git commit -qm "c$i"; done
git bisect start -q HEAD HEAD~19 >/dev/null
git bisect run sh -c '[ $(cat n) -lt 13 ]' | grep -c "is the first '*bad'* commit"
git bisect log | grep -c '^git bisect'
git bisect reset -q 2>/dev/null; git log -1 --format=%s
git bisect start >/dev/null; git bisect bad >/dev/null; git bisect good HEAD~4; cat n
git bisect bad; git bisect good | grep -c "is the first '*bad'* commit"
git bisect visualize --format=%s 2>/dev/null; git bisect reset 2>/dev/null; git status --short | wc -l
git bisect good; echo $?
cd /; rm -rf "$d"
