#!/bin/sh
# The certificate authorities of Mozilla as Debian ships them, and
# update-ca-certificates. All are chosen, as on a new Debian.
. "$(dirname "$0")/../lib.sh"

unpack ca-certificates ca-certificates_20250419.tar.xz
tree=$OUT/ca-certificates.tree
rm -rf "$tree"
install -d "$tree/usr/share/ca-certificates/mozilla" "$tree/usr/local/share/ca-certificates" \
	"$tree/etc/ssl/certs" "$tree/etc/ca-certificates/update.d" "$tree/usr/sbin"
make -s -C mozilla all >/dev/null
for f in mozilla/*.crt; do
	install -m 644 "$f" "$tree/usr/share/ca-certificates/mozilla/"
done
install -m 755 sbin/update-ca-certificates "$tree/usr/sbin/"
{
	echo "# The authorities that update-ca-certificates puts into /etc/ssl/certs, one a line"
	echo "# below /usr/share/ca-certificates. A line that begins with ! is not trusted."
	cd "$tree/usr/share/ca-certificates" && find mozilla -name '*.crt' | LC_ALL=C sort
} >"$tree/etc/ca-certificates.conf"
# What update-ca-certificates makes: links, links by hash, and the bundle.
cd "$tree/etc/ssl/certs"
: >ca-certificates.crt
for f in ../../../usr/share/ca-certificates/mozilla/*.crt; do
	name=$(basename "$f" .crt | sed 's/[ ,]/_/g; s/[()]/=/g')
	ln -s "/usr/share/ca-certificates/mozilla/$(basename "$f")" "$name.pem"
	cat "$f" >>ca-certificates.crt
	hash=$(openssl x509 -noout -hash -in "$f")
	n=0
	while [ -e "$hash.$n" ] || [ -L "$hash.$n" ]; do n=$((n + 1)); done
	ln -s "$name.pem" "$hash.$n"
done
chmod 644 ca-certificates.crt
