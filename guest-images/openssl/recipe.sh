#!/bin/sh
# OpenSSL: libcrypto and libssl for curl, wget, git and CPython, and the
# openssl program. The legacy provider is built in, since nothing can be loaded.
. "$(dirname "$0")/../lib.sh"

unpack openssl openssl_3.6.3.orig.tar.gz
# The date that `openssl version -b` tells.
export SOURCE_DATE_EPOCH=1735689600
# Options as Debian's, but for what needs loading, forking, other stacks or cores.
[ -f configdata.pm ] || CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib \
	CFLAGS="-O2 -w" CPPFLAGS="-DHAVE_FORK=0 -idirafter /opt/isolet/kernel-headers" \
	perl ./Configure linux-generic32 --prefix=/usr --openssldir=/usr/lib/ssl --libdir=lib \
	no-idea no-mdc2 no-rc5 no-ssl3 no-ssl3-method enable-rfc3779 enable-cms \
	no-asm no-shared no-dso no-module no-engine no-async no-afalgeng no-ktls \
	no-thread-pool no-default-thread-pool no-secure-memory no-tests no-docs
make -s -j"$JOBS" build_libs
install -d "$DEPS/usr/lib/pkgconfig" "$DEPS/usr/include/openssl"
install -m 644 libcrypto.a libssl.a "$DEPS/usr/lib/"
install -m 644 include/openssl/*.h "$DEPS/usr/include/openssl/"
make -s install_dev DESTDIR="$WORK/openssl/inst" >/dev/null
cp inst/usr/lib/pkgconfig/*.pc "$DEPS/usr/lib/pkgconfig/"
ISOLET_STRICT=1 make -s -j"$JOBS" apps/openssl
wasm32-isolet-finish apps/openssl "$OUT/openssl.wasm"
tree=$OUT/openssl.tree
rm -rf "$tree"
install -d "$tree/etc/ssl/certs" "$tree/usr/lib/ssl/misc"
install -m 644 apps/openssl.cnf "$tree/etc/ssl/openssl.cnf"
ln -s /etc/ssl/certs /etc/ssl/private /etc/ssl/openssl.cnf "$tree/usr/lib/ssl/"
ln -s /etc/ssl/certs/ca-certificates.crt "$tree/usr/lib/ssl/cert.pem"
