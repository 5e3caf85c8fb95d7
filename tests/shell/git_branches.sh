# Branches, merges by fast-forward and by three ways, and their graph.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
c() { echo "$1" > "$1"; git add "$1"; GIT_COMMITTER_DATE="2024-01-02T03:04:0${#1}Z" git commit -qm "$1"; }
c a; git branch side; c bb; git switch -q side; c ccc; git branch
git log --oneline --graph --all
git merge -q -m "merged" main; git log --graph --format='%s %p' --date-order
git switch main; git merge side; ls
git branch -d side; git branch -D nothere; echo $?
git switch -c topic; c dddd; git switch -q -; git branch --no-merged; git branch --merged
git merge-base main topic; git rev-list --count main..topic; git rev-list --left-right main...topic | cut -c1
git checkout -q topic~1; git branch --show-current | wc -l; git symbolic-ref HEAD; echo $?
git checkout main; git branch -m main trunk; git branch -v
git for-each-ref --format='%(refname) %(objecttype) %(contents:subject)'
git reflog --format='%gs'
cd /; rm -rf "$d"
