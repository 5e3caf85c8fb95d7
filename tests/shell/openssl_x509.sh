# Keys, requests, certificates of one's own authority, and what verifying them says.
# needs: openssl
d=$(mktemp -d); cd "$d" || exit
# 3.0 writes "CN = x", 3.2 "CN=x".
names() { sed 's/ = /=/g'; }
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out ca.key 2>/dev/null; openssl ecparam -name prime256v1 -genkey -noout -out s.key; openssl genpkey -algorithm ed25519 -out e.key; openssl genrsa -out g.key 2048 2>/dev/null; ls -l *.key | cut -c1-10
openssl req -x509 -new -key ca.key -days 3650 -subj '/C=DE/O=Test/CN=Test CA' -out ca.pem
openssl req -new -key s.key -subj /CN=server.test -out s.csr; openssl req -in s.csr -noout -verify -subject 2>&1 | names
printf 'subjectAltName=DNS:server.test,DNS:*.w.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > ext
openssl x509 -req -in s.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 100 -extfile ext -out s.pem 2>/dev/null
openssl x509 -in s.pem -noout -serial -subject -issuer -ext subjectAltName,extendedKeyUsage | names; openssl x509 -in s.pem -noout -checkhost server.test -checkend 86400; openssl x509 -in s.pem -noout -checkhost other.test; openssl x509 -in s.pem -noout -checkend 100000000; echo $?
openssl verify -CAfile ca.pem s.pem; echo $?; openssl verify s.pem 2>&1 | head -n 2 | names; openssl verify -CAfile ca.pem -verify_hostname a.w.test s.pem; openssl verify -CAfile ca.pem -verify_hostname no.test s.pem 2>&1 | tail -n 1; openssl verify -CAfile ca.pem -purpose sslclient s.pem >/dev/null 2>&1; echo $?
echo text > t; openssl dgst -sha256 -sign ca.key -out sig t; openssl dgst -sha256 -verify <(openssl pkey -in ca.key -pubout) -signature sig t; echo more >> t; openssl dgst -sha256 -verify <(openssl pkey -in ca.key -pubout) -signature sig t 2>/dev/null; echo $?
openssl pkeyutl -sign -inkey e.key -rawin -in t -out es; openssl pkey -in e.key -pubout -out e.pub; openssl pkeyutl -verify -pubin -inkey e.pub -rawin -in t -sigfile es
echo secret | openssl pkeyutl -encrypt -inkey g.key -pkeyopt rsa_padding_mode:oaep | openssl pkeyutl -decrypt -inkey g.key -pkeyopt rsa_padding_mode:oaep
openssl pkeyutl -derive -inkey s.key -peerkey <(openssl pkey -in s.key -pubout) | wc -c; openssl rsa -in g.key -check -noout 2>&1; openssl rsa -in g.key -aes256 -passout pass:x -out enc.key 2>/dev/null; head -n 1 enc.key; openssl pkey -in enc.key -passin pass:y -noout 2>/dev/null; echo $?; openssl pkey -in enc.key -passin pass:x -text -noout | head -n 1
openssl pkcs12 -export -inkey s.key -in s.pem -name n -passout pass:p -out s.p12; openssl pkcs12 -in s.p12 -passin pass:p -nokeys -info 2>/dev/null | grep -c 'BEGIN CERT'; openssl pkcs12 -in s.p12 -passin pass:q -noout 2>/dev/null; echo $?
openssl x509 -in s.pem -outform DER | openssl x509 -inform DER -noout -subject | names; openssl asn1parse -in s.csr | head -n 2 | sed "s, l= *[0-9]*,,"; openssl crl2pkcs7 -nocrl -certfile s.pem | openssl pkcs7 -print_certs -noout | names
openssl cms -sign -in t -signer s.pem -inkey s.key -outform PEM -nodetach -out c 2>/dev/null; openssl cms -verify -in c -inform PEM -CAfile ca.pem -purpose any 2>/dev/null; openssl smime -encrypt -in t s.pem >/dev/null 2>&1; openssl x509 -in nothere -noout 2>/dev/null; echo $?
mkdir h; cp ca.pem h/; openssl rehash h; ls h | wc -l; openssl verify -CApath h s.pem; openssl x509 -in ca.pem -noout -hash
cd /; rm -rf "$d"
