# Worktrees and sparse checkouts.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p; mkdir a b; echo 1 > a/f; echo 2 > b/f; echo r > r; git add .; git commit -qm one
git worktree add -q ../w -b w; ls ../w; git worktree list --porcelain | sed "s,$d,D,"; cd ../w; echo x > x; git add x; git commit -qm inw; cd ../p; git log w -1 --format=%s
git worktree add ../w2 w >/dev/null 2>&1; echo $?
git worktree lock ../w; git worktree remove ../w >/dev/null 2>&1; echo $?; git worktree unlock ../w; git worktree remove ../w; git worktree list | wc -l
git branch -D w | cut -d' ' -f1-3; git worktree add -q --detach ../w3; rm -rf ../w3; git worktree prune -v | cut -d: -f1
git sparse-checkout set a; ls; git sparse-checkout list; git sparse-checkout disable; ls
cd /; rm -rf "$d"
