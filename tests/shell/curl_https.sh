# HTTPS against openssl's server: authorities, names, redirects, status, compression, download by name.
# needs: curl openssl
d=$(mktemp -d); cd "$d" || exit
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost,DNS:good.test 2>/dev/null
h() { f=$1; shift; printf 'HTTP/1.1 %s\r\n' "$1" > $f; shift; for x; do printf '%s\r\n' "$x" >> $f; done; printf '\r\n' >> $f; cat >> $f; }
h one '200 OK' 'Content-Type: text/plain' 'Set-Cookie: id=5; Secure; Path=/' <<<'page one'; h moved '301 Moved Permanently' 'Location: /one' <<<moved; h loop '302 Found' 'Location: /loop' </dev/null; h gone '404 Not Found' <<<nothing; h other '302 Found' 'Location: http://127.0.0.1:1/' </dev/null
printf 'compressed\n' | gzip -n | h gz '200 OK' 'Content-Encoding: gzip'; h named '200 OK' 'Content-Disposition: attachment; filename="given.txt"' <<<named; h auth '401 Unauthorized' 'WWW-Authenticate: Basic realm="r"' <<<denied
openssl s_server -accept 127.0.0.1:4440 -cert c.pem -key k.pem -HTTP -quiet >log 2>&1 & s=$!
for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/4440) 2>/dev/null && break; sleep 0.1; done
u=https://localhost:4440; c() { curl -s --cacert c.pem -m 600 "$@"; r=$?; [ $r = 0 ] || echo "exit $r"; }
c $u/one; curl -s $u/one; echo $?; curl -sk $u/one; c --resolve good.test:4440:127.0.0.1 https://good.test:4440/one; c --resolve bad.test:4440:127.0.0.1 https://bad.test:4440/one
curl -sS $u/one 2>&1 | head -n 1 | grep -c 'self.signed certificate'; SSL_CERT_FILE=c.pem curl -s $u/one; CURL_CA_BUNDLE=c.pem curl -s $u/one; mkdir ca; cp c.pem ca; openssl rehash ca; curl -s --capath ca --cacert /dev/null $u/one; curl -s --capath ca $u/one
c $u/moved; c -L $u/moved; c -sL -o /dev/null -w '%{http_code} %{num_redirects} %{url_effective} %{ssl_verify_result}\n' $u/moved; c -L --max-redirs 3 -o /dev/null $u/loop; c -L $u/other; c -f $u/gone; c $u/gone -w '%{http_code}\n'; c -L --proto-redir =https $u/other
c --compressed $u/gz; c $u/gz | gzip -d; c --tr-encoding -OJ $u/named; cat given.txt; c -O $u/one; cat one | tail -n 1; c -c jar -o /dev/null $u/one; grep -c id jar; c -u a:b -o /dev/null -w '%{http_code}\n' $u/auth
c --tlsv1.3 $u/one; c --tls-max 1.2 --tlsv1.2 $u/one; c --tlsv1.2 --ciphers ECDHE-RSA-AES256-GCM-SHA384 --tls-max 1.2 -o /dev/null $u/one; c --ciphers NOSUCH --tls-max 1.2 $u/one; c --pinnedpubkey sha256//AAAA $u/one; c --pinnedpubkey "sha256//$(openssl x509 -in c.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64)" $u/one
c -v $u/one 2>&1 | grep '^\* SSL connection\|subject:\|issuer:' | sed 's/ *\/ [Xx][^ ]*.*//; s/^\*  *//'; c http://localhost:4440/; c -Z $u/one $u/one 2>/dev/null; kill $s; wait $s 2>/dev/null; c $u/one
cd /; rm -rf "$d"
