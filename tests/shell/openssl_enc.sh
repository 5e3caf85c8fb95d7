# Ciphers: by key and by password, padding, wrong passwords, files both ways.
# needs: openssl
d=$(mktemp -d); cd "$d" || exit
head -c 1000 /dev/zero | tr '\0' 'x' > f
for c in aes-128-cbc aes-256-cbc aes-256-ctr aes-192-ecb camellia-256-cbc aria-128-cbc chacha20 des-ede3-cbc sm4-cbc aes-128-cfb; do
openssl enc -$c -K 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f -iv 00000000000000000000000000000001 -in f 2>/dev/null | openssl sha256 -r; done
openssl enc -aes-256-cbc -pbkdf2 -iter 1000 -S 0102030405060708 -pass pass:secret -a -in f -out e; head -n 2 e
openssl enc -d -aes-256-cbc -pbkdf2 -iter 1000 -S 0102030405060708 -pass pass:secret -a -in e | cmp - f; echo $?
openssl enc -aes-256-cbc -pbkdf2 -pass pass:a -in f -out e2; head -c 8 e2; echo; openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:a -in e2 | cmp - f; echo $?
# (With a salt that is given: with any other, one wrong key in 256 finds good padding.)
openssl enc -d -aes-256-cbc -pbkdf2 -iter 1000 -S 0102030405060708 -pass pass:b -a -in e 2>/dev/null >/dev/null; [ $? -ne 0 ]; echo "wrong $?"
P=env openssl enc -aes-128-cbc -pbkdf2 -pass env:P -nosalt -in f | openssl sha256 -r; echo filepw > p; openssl enc -aes-128-cbc -pbkdf2 -pass file:p -nosalt -in f | openssl sha256 -r
openssl enc -aes-128-cbc -K 00 -iv 00 -nopad -in f 2>/dev/null | wc -c; openssl enc -aes-256-cbc -P -k x -nosalt -md sha256 2>/dev/null
openssl enc -aes-128-cbc -K zz -iv 00 -in f 2>&1 | head -n 1; openssl enc -nosuch 2>/dev/null; echo $?
openssl enc -rc4 -provider legacy -provider default -K 0102030405060708090a0b0c0d0e0f10 -in f | openssl sha256 -r; openssl enc -rc4 -K 01 -in f >/dev/null 2>&1; echo $?
echo tmp | openssl enc -aes-256-cbc -pbkdf2 -k pw | openssl enc -d -aes-256-cbc -pbkdf2 -k pw
cd /; rm -rf "$d"
