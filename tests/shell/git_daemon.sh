# git daemon on the loopback: clone, fetch, what is not exported, push where it is allowed.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q src; cd src; echo 1 > f; git add f; git commit -qm c1; cd ..
git clone -q --bare src pub.git; git clone -q --bare src hidden.git; touch pub.git/git-daemon-export-ok
port=$((20000 + RANDOM % 10000))
git daemon --base-path="$d" --listen=127.0.0.1 --port=$port --reuseaddr --enable=receive-pack "$d" >log 2>&1 &
daemon=$!
for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/$port) 2>/dev/null && break; sleep 0.1; done
git clone -q git://127.0.0.1:$port/pub.git c; cat c/f; git -C c log --oneline
git ls-remote git://127.0.0.1:$port/pub.git
git clone -q git://127.0.0.1:$port/hidden.git h 2>&1 | tail -n 1 | grep -c 'not exported\|access denied\|Could not read'
cd c; echo 2 > f; git commit -qam c2; git push -q; git -C ../pub.git log --format=%s
cd ..; for i in $(seq 1 200); do echo $i > c/many$i; done; git -C c add .; git -C c commit -qm many; git -C c push -q
git clone -q --depth 1 git://127.0.0.1:$port/pub.git d2; ls d2 | wc -l; git -C d2 rev-list --count HEAD
git archive --remote=git://127.0.0.1:$port/pub.git HEAD >/dev/null 2>&1; [ $? -ne 0 ] && echo "no archive"
kill $daemon; wait $daemon; echo "ended $?"
git ls-remote git://127.0.0.1:$port/pub.git >/dev/null 2>&1; echo $?
cd /; rm -rf "$d"
