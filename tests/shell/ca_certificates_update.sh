# One more authority, put in by update-ca-certificates and taken out again.
# needs: ca-certificates openssl curl
# user: root
d=$(mktemp -d); cd "$d" || exit
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
echo content > page; openssl s_server -accept 127.0.0.1:4442 -cert c.pem -key k.pem -WWW -quiet >log 2>&1 & s=$!
for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/4442) 2>/dev/null && break; sleep 0.1; done
curl -s https://localhost:4442/page; echo $?
mkdir -p /usr/local/share/ca-certificates; cp c.pem /usr/local/share/ca-certificates/mine.crt; update-ca-certificates 2>/dev/null | grep -c 'added, 0 removed'
curl -s https://localhost:4442/page; echo $?; readlink /etc/ssl/certs/mine.pem; openssl verify c.pem
rm /usr/local/share/ca-certificates/mine.crt; update-ca-certificates --fresh 2>/dev/null | grep -c '0 added\|[1-9].* added'; curl -s https://localhost:4442/page; echo $?
kill $s; wait $s 2>/dev/null; cd /; rm -rf "$d"
