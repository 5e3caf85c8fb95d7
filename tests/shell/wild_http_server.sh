# A server in the background, a loop that waits until it answers, requests with curl, and its end.
# needs: curl
# image: python
set -u
cd "$(mktemp -d)" || exit
mkdir -p site/api
echo '<h1>Hello</h1>' > site/index.html
echo '{"status": "ok", "items": [1, 2, 3]}' > site/api/health.json
python3 -m http.server 8123 --bind 127.0.0.1 --directory site > server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
for attempt in $(seq 1 6000); do
    curl -sf -o /dev/null http://127.0.0.1:8123/ && break
    kill -0 $server 2>/dev/null || { echo "the server died"; cat server.log; exit 1; }
    sleep 0.1
done
curl -s http://127.0.0.1:8123/
curl -s http://localhost:8123/api/health.json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["status"], sum(d["items"]))'
curl -s -o /dev/null -w '%{http_code} %{content_type} %{size_download}\n' http://127.0.0.1:8123/api/health.json
curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:8123/nothing
curl -sf http://127.0.0.1:8123/nothing; echo "curl -f: $?"
curl -sI http://127.0.0.1:8123/ | tr -d '\r' | grep -i '^content-'
curl -s -L -o /dev/null -w '%{num_redirects} %{url_effective}\n' http://127.0.0.1:8123/api
kill $server; wait $server; echo "server: $?"
curl -s http://127.0.0.1:8123/; echo "afterwards: $?"
grep -c '"GET / HTTP/1.1" 200' server.log | awk '{print ($1 >= 1) ? "logged" : "not logged"}'
