# The authorities that are trusted, and update-ca-certificates with one more.
# needs: ca-certificates openssl curl
d=$(mktemp -d); cd "$d" || exit
[ $(grep -c 'BEGIN CERT' /etc/ssl/certs/ca-certificates.crt) -gt 100 ]; echo $?; readlink -f /usr/lib/ssl/cert.pem /usr/lib/ssl/certs /usr/lib/ssl/openssl.cnf; ls /usr/share/ca-certificates; stat -c '%a %U' /etc/ssl/certs /etc/ssl/certs/ca-certificates.crt /usr/sbin/update-ca-certificates
for f in ISRG_Root_X1 DigiCert_Global_Root_G2; do openssl x509 -in /etc/ssl/certs/$f.pem -noout -subject -nameopt RFC2253 -hash; openssl verify /etc/ssl/certs/$f.pem; done; readlink /etc/ssl/certs/ISRG_Root_X1.pem; openssl verify -CApath /etc/ssl/certs /usr/share/ca-certificates/mozilla/ISRG_Root_X2.crt; openssl version -d
cd /; rm -rf "$d"
