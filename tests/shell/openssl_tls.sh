# TLS on the loopback: versions, ciphers, client certificates, ALPN, what fails.
# needs: openssl
d=$(mktemp -d); cd "$d" || exit
for n in ca s c; do openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $n.key; done
openssl req -x509 -new -key ca.key -days 30 -subj /CN=CA -out ca.pem
for n in s c; do openssl req -new -key $n.key -subj /CN=$n.test | openssl x509 -req -CA ca.pem -CAkey ca.key -set_serial 1 -days 9 -extfile <(echo subjectAltName=DNS:$n.test) -out $n.pem 2>/dev/null; done
echo content > page
up() { openssl s_server -accept 127.0.0.1:4430 -cert s.pem -key s.key -quiet "$@" >server.log 2>&1 & server=$!; for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/4430) 2>/dev/null && break; sleep 0.1; done; }
down() { kill $server; wait $server 2>/dev/null; }
get() { printf 'GET /page HTTP/1.0\r\n\r\n' | timeout 600 openssl s_client -connect 127.0.0.1:4430 -CAfile ca.pem -servername s.test -ign_eof "$@" 2>&1 | tr -d '\r'; }
up -WWW
get -quiet -verify_return_error -verify_hostname s.test | grep -v '^depth\|^verify\|^Conn'
get -brief -tls1_3 | grep '^Protocol\|^Cipher'; get -brief -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 | grep '^Protocol\|^Cipher'
get -tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256 -brief | grep ^Cipher; get -brief -groups P-384 | grep -c CONNECTION
get -verify_return_error -verify_hostname other.test -quiet >log; echo $?; grep -c 'hostname mismatch' log
openssl s_client -connect 127.0.0.1:4430 -showcerts </dev/null 2>/dev/null | openssl x509 -noout -subject -nameopt RFC2253
get -tls1_1 -quiet >/dev/null; [ ${PIPESTATUS[0]} -eq 0 ]; echo "old $?"
down; up -WWW -Verify 1 -CAfile ca.pem -verify_return_error; get -quiet -cert c.pem -key c.key | tail -n 1; get -quiet | grep -c 'content'
down; up -WWW -alpn h2,http/1.1; get -alpn http/1.1 | grep ALPN; get -alpn spdy | grep -c 'no application protocol\|No ALPN'
down; up -rev; mkfifo ask; : >answer; openssl s_client -connect 127.0.0.1:4430 -quiet -CAfile ca.pem <ask >answer 2>/dev/null & client=$!; exec 3>ask; echo hello >&3; until grep -q olleh answer; do sleep 0.05; done; kill $client; wait $client 2>/dev/null; exec 3>&-; cat answer
down; up -psk 0102 -nocert -tls1_2 -cipher PSK; echo | openssl s_client -connect 127.0.0.1:4430 -psk 0102 -tls1_2 -cipher PSK -brief 2>&1 | grep '^Proto'; echo | openssl s_client -connect 127.0.0.1:4430 -psk 0103 -tls1_2 -cipher PSK -brief >/dev/null 2>&1; echo $?
down; openssl s_client -connect 127.0.0.1:4431 </dev/null 2>/dev/null | head -n 1; openssl s_client -connect nosuch.invalid:1 </dev/null >/dev/null 2>&1; echo $?
openssl ciphers -s -tls1_3; openssl ciphers -V 'ECDHE+AESGCM' | wc -l
cd /; rm -rf "$d"
