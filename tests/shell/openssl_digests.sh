# Digests, MACs, random bytes, base64 and primes of the openssl command.
# needs: openssl
d=$(mktemp -d); cd "$d" || exit
printf 'hello world\n' > f
for a in md5 sha1 sha224 sha256 sha384 sha512 sha3-256 blake2b512 ripemd160 sm3 shake128; do openssl dgst -$a -r -xoflen 32 f 2>/dev/null || openssl dgst -$a -r f; done
openssl sha256 < f | sed 's/.*= //'; openssl dgst -sha256 -binary f | od -An -tx1 | head -n 1; openssl dgst -c -md5 -r f; openssl dgst -sha512 -hmac key -r f; openssl mac -digest SHA256 -macopt hexkey:00ff -in f HMAC
openssl dgst -sha256 nothere 2>/dev/null; echo $?; openssl dgst -nothere f 2>/dev/null; echo $?
openssl base64 -in f; openssl base64 -d <<<aGk=; head -c 100 /dev/zero | openssl base64; head -c 100 /dev/zero | openssl enc -base64 -A; echo
openssl rand -hex 16 | wc -c; openssl rand -base64 30 | wc -c; openssl rand 1000 | wc -c; [ "$(openssl rand -hex 8)" != "$(openssl rand -hex 8)" ]; echo $?
openssl prime 97 98 2305843009213693951; openssl passwd -6 -salt abc secret; openssl passwd -1 -salt abc secret; openssl passwd -apr1 -salt abc secret
openssl kdf -keylen 16 -kdfopt digest:SHA256 -kdfopt pass:p -kdfopt salt:s -kdfopt iter:1000 PBKDF2; openssl kdf -keylen 16 -kdfopt pass:p -kdfopt salt:s -kdfopt n:1024 -kdfopt r:8 -kdfopt p:1 SCRYPT
head -c 300000 /dev/zero | openssl sha256 -r; cat f f | openssl md5 -r
openssl dgst -list | head -n 1; openssl version | cut -d. -f1; openssl nosuchcommand 2>/dev/null; echo $?; openssl errstr 02000002 | cut -d: -f1,2
cd /; rm -rf "$d"
