# A conflict: markers, the index's stages, each way out of it.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
printf '1\n2\n3\n4\n5\n' > f; git add f; git commit -qm base
git checkout -qb other; sed -i 's/3/three/' f; git commit -qam other
git checkout -q main; sed -i 's/3/drei/' f; git commit -qam main
git merge other; echo "exit $?"
cat f; git ls-files -u; git diff; git status --short
git commit -m no; echo "exit $?"
git merge --abort; cat f | tr '\n' ' '; echo
git -c merge.conflictStyle=diff3 merge other >/dev/null; cat f
git checkout --theirs f; cat f | sed -n 3p; git checkout -m f; grep -c '<<<<<<<' f
echo solved > f; git add f; git commit -qm "solved"; git log --format=%s -1; git log --oneline --merges | wc -l
git reset -q --hard HEAD~1; git merge -q -X ours other; sed -n 3p f
git reset -q --hard HEAD~1; git merge -s ours -q other; sed -n 3p f
git merge-tree --write-tree HEAD~1 other | tail -n 2
printf 'a\nb\n' > o; printf 'a\nB\n' > m; printf 'A\nb\n' > t; git merge-file -p m o t
cd /; rm -rf "$d"
