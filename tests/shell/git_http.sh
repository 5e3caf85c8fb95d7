# Clone, fetch and push over HTTP: git-remote-http against git http-backend behind a small server.
# needs: git python3 curl
# image: python
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
cat > serve.py <<'X'
import http.server, os, subprocess
class Cgi(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        environ = dict(os.environ, REQUEST_METHOD=self.command, PATH_INFO=path, QUERY_STRING=query, GIT_PROJECT_ROOT=os.getcwd(),
                       GIT_HTTP_EXPORT_ALL="1", REMOTE_USER="ann", CONTENT_TYPE=self.headers.get("Content-Type", ""),
                       GIT_PROTOCOL=self.headers.get("Git-Protocol", ""), HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = subprocess.run(["git", "http-backend"], env=environ, input=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
    do_POST = do_GET
    def log_message(self, *arguments): pass
server = http.server.HTTPServer(("127.0.0.1", 8090), Cgi)
open("ready", "w").close()
server.serve_forever()
X
git config --global http.postBuffer 10000000; git init -q --bare hub.git; git -C hub.git config http.receivepack true
python3 serve.py & server=$!
until [ -e ready ]; do sleep 0.1; done
u=http://127.0.0.1:8090
git clone -q $u/hub.git one; cd one; echo 1 > f; git add f; git commit -qm c1; git push -q origin HEAD; git ls-remote $u/hub.git
for i in $(seq 300); do echo "file $i" > n$i; done; git add .; git commit -qm many; git push origin HEAD 2>&1 | tail -n 1
cd ..; git clone -q --depth 1 $u/hub.git two; ls two | wc -l; git -C two rev-list --count HEAD; git -C two fetch -q --unshallow; git -C two log --format=%s
echo 2 > one/f; git -C one commit -qam c2; git -C one push -q; git -C two pull -q; cat two/f; git -C two fsck; head -c 3000000 /dev/urandom > two/big; git -C two add .; git -C two commit -qm big; git -C two push -q; git -C one pull -q; cmp one/big two/big && echo same
git clone -q $u/nothere.git x; echo $?; git -c protocol.version=0 ls-remote $u/hub.git | wc -l; git -C hub.git config http.receivepack false; echo 3 > one/f; git -C one commit -qam no; git -C one push -q 2>/dev/null; echo $?
curl -s $u/hub.git/HEAD; curl -s -o /dev/null -w '%{http_code} %{content_type}\n' "$u/hub.git/info/refs?service=git-upload-pack"
kill $server; wait $server; echo $?; cd /; rm -rf "$d"
