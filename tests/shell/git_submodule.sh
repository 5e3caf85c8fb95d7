# Submodules: add, clone, update, foreach, deinit.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git config --global protocol.file.allow always
git init -q lib; echo l1 > lib/l; git -C lib add .; git -C lib commit -qm l1
git init -q app; cd app; git submodule -q add ../lib vendor/lib; cat .gitmodules; git status --short; git commit -qm app
git submodule status | cut -c1-10,42-; cd ..; git clone -q app c1; ls c1/vendor/lib | wc -l; cd c1; git submodule init 2>&1 | sed "s,$d,D,"; git submodule -q update; ls vendor/lib
cd ..; git clone -q --recurse-submodules app c2 2>/dev/null; cat c2/vendor/lib/l
echo l2 > lib/l; git -C lib commit -qam l2; cd c2; git submodule -q update --remote 2>/dev/null; git status --short; git diff --submodule=log | sed -n 2p; git commit -qam up
git submodule foreach 'echo "in $name"; git log -1 --format=%s'; git submodule summary HEAD~ | grep '>'
git submodule deinit -q vendor/lib 2>/dev/null; ls vendor/lib | wc -l; git submodule status | cut -c1
git submodule add ../nothere x >/dev/null 2>&1; echo $?
cd /; rm -rf "$d"
