# What git says when it cannot.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
export GIT_DISCOVERY_ACROSS_FILESYSTEM=1
git config --global advice.refSyntax false
git status; echo $?
git log; echo $?
git clone "file://$d/nothere" 2>&1 | sed "s,$d,D,g"; echo $?
git init -q p; cd p; git log; echo $?; git show; echo $?; git diff HEAD; echo $?
git add nothere; echo $?; git commit -m x; echo $?; git checkout nothere; echo $?; git branch 'a b'; echo $?; git branch x; echo $?
echo 1 > f; git add f; git commit -qm one; git checkout -b main; echo $?; git merge nothere; echo $?; git push 2>&1 | head -n 1; git pull 2>&1 | head -n 1
git reset --bad-option 2>&1 | head -n 1; git rm f g; echo $?; echo 2 > f; git checkout -q -b b; git commit -qam two; echo 3 > f; git checkout main; echo $?
touch .git/index.lock; git add f 2>&1 | sed "s,$d,D," | head -n 1; rm .git/index.lock
printf garbage > .git/HEAD; git status 2>&1 | cut -c1-28; echo "ref: refs/heads/main" > .git/HEAD; git cat-file -p 0000000000000000000000000000000000000000; echo $?
git fetch nothere; echo $?; git ls-remote http://127.0.0.1:1/x 2>&1 | grep -c 'unable to access'; git ls-remote https://nosuch.invalid/x 2>&1 | sed 's/.*: //'
GIT_SSH_COMMAND=/nothere git clone -q ssh://127.0.0.1:1/x 2>&1 | tail -n 4 | cut -c1-40
cd /; rm -rf "$d"
