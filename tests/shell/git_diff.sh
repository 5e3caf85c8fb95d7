# Differences: of the work tree, the index, commits, words, binary files and folders without git.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
printf 'a\nb\nc\nd\ne\nf\ng\n' > t; printf '\0\1\2' > bin; echo x > gone; echo same > moved; git add .; git commit -qm one
sed -i 's/b/B/; s/f/F/' t; printf '\0\1\3' > bin; rm gone; git mv moved there; echo new > new; git add -N new
git diff; git diff --cached; git diff HEAD --stat; git diff --name-status HEAD; git diff -M --summary HEAD
git diff --numstat HEAD -- t bin; git diff -U0 t; git diff --word-diff t; git diff --exit-code -q t; echo $?
git diff --shortstat; git diff --color-words t | cat -v; git diff -R -U1 t
printf 'x \n' > w; git add w; git diff --cached --check; echo $?
echo 'x' > w; git diff -w --stat; git diff --ignore-space-at-eol -- w
git add -A; git commit -qm two; git diff HEAD~ HEAD --dirstat=files; git diff --raw HEAD~ | cut -d' ' -f1,2,5
git diff HEAD~:t HEAD:t | head -n 3
mkdir x y; echo 1 > x/f; echo 2 > y/f; git diff --no-index x y; echo $?
git diff --binary HEAD~ -- bin > patch; git apply -R patch; od -c bin; git diff --stat
git diff-tree -r --name-only HEAD; git diff --no-prefix HEAD~ -- t | head -n 1
cd /; rm -rf "$d"
