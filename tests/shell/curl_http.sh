# HTTP by hand: netcat plays the server and keeps what curl asked.
# needs: curl netcat-openbsd
d=$(mktemp -d); cd "$d" || exit
u=http://127.0.0.1:8081
# serve ANSWER CURL-ARGUMENTS: one exchange; then the request is shown.
serve() { printf "$1" > answer; shift; nc -N -l 127.0.0.1 8081 < answer > request & nc=$!
until grep -q ':1F91 .* 0A ' /proc/net/tcp; do sleep 0.05; done; curl -s "$@"; echo "exit $?"; wait $nc; grep -v '^User-Agent' request | tr -d '\r'; }
ok='HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n'
serve "$ok" $u/a?b=c
serve "$ok" -w '%{http_code} %{size_download} %{content_type} %{method} %{url}\n' $u/ -H 'X-One: 1' -H 'Accept:' -A me -e ref
serve "$ok" -d 'a=b' -d c=d --data-urlencode 'e=f g&' $u/post
serve "$ok" -G -d q=1 $u/get; serve "$ok" -X DELETE $u/x; serve "$ok" -u user:pass $u/; serve "$ok" -b 'k=v' $u/; serve "$ok" --json '{"a":1}' $u/j
echo upload > f; serve "$ok" -H Expect: -T f $u/put | sed "/^\$/q"; serve "$ok" -H 'Content-Type: text/x' --data-binary @f $u/; printf 'l1\nl2\n' | serve "$ok" -d @- $u/
serve "$ok" -H Expect: -F 'a=b' -F 'file=@f;type=text/plain' $u/form | sed 's/-----*[0-9A-Za-z]*/BOUNDARY/; s/^Content-Length: .*/L/; /^$/q'
serve 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno\n\n' $u/; serve 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' -f $u/; serve 'HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nb\n' --fail-with-body $u/
serve 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nd\n\r\n0\r\n\r\n' -i $u/ | tr -d '\r'; serve 'HTTP/1.0 200 OK\r\n\r\nuntil close\n' $u/
serve 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort' $u/; serve 'HTTP/1.1 204 No Content\r\n\r\n' -w '%{http_code}\n' $u/; serve '' $u/; serve 'garbage\n' $u/; serve "$ok" --http0.9 $u/ >/dev/null
serve 'HTTP/1.1 200 OK\r\nSet-Cookie: s=1; Path=/\r\nContent-Length: 0\r\nX-H: v\r\n\r\n' -c jar -D head $u/ >/dev/null; grep -c 's.1$' jar; tr -d '\r' < head; serve "$ok" -b jar $u/
serve 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' -w '%{redirect_url}\n' $u/; serve "$ok" -I $u/; serve "$ok" -o /dev/null -w '%header{content-length} %{num_headers}\n' $u/; serve "$ok" -r 1-2 $u/ | tail -n 3
serve "$ok" --resolve site.test:8081:127.0.0.1 http://site.test:8081/; serve "$ok" --connect-to other.test:80:127.0.0.1:8081 http://other.test/; serve "$ok" -x 127.0.0.1:8081 http://far.test/p
cd /; rm -rf "$d"
