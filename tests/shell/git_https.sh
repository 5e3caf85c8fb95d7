# Clone over HTTPS from files (the protocol without a git server): authorities, and what git says of a wrong one.
# needs: git openssl
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
git init -q src; cd src; mkdir s; for i in 1 2 3; do echo $i > s/f$i; git add .; git commit -qm c$i; done; cd ..
git init -q --bare hub.git; git -C src push -q ../hub.git main; cd hub.git; git update-server-info; cp info/refs 'info/refs?service=git-upload-pack'; : > objects/info/packs; : > objects/info/http-alternates; : > objects/info/alternates; cd ..
openssl s_server -accept 127.0.0.1:4443 -cert c.pem -key k.pem -WWW -quiet >log 2>&1 & s=$!
for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/4443) 2>/dev/null && break; sleep 0.1; done
u=https://localhost:4443/hub.git
git ls-remote $u 2>&1 | grep -c 'certificate'; git -c http.sslCAInfo=$PWD/c.pem ls-remote $u; GIT_SSL_NO_VERIFY=1 git ls-remote $u | wc -l
GIT_SSL_CAINFO=$PWD/c.pem git clone -q $u got; cat got/s/*; git -C got log --format='%h %s'; git -C got fsck
git config --global http.sslCAInfo "$PWD/c.pem"; git -C src commit -q --allow-empty -m c4; git -C src push -q ../hub.git main; cd hub.git; git update-server-info; cp info/refs 'info/refs?service=git-upload-pack'; cd ../got; git pull -q; git log -1 --format=%s
git ls-remote https://127.0.0.1:4443/hub.git 2>&1 | grep -c 'unable to access'; git push -q 2>/dev/null; echo $?
kill $s; wait $s 2>/dev/null; cd /; rm -rf "$d"
