#!/bin/sh
# libcurl (for git) and curl, with OpenSSL, nghttp2, zlib, brotli and zstd.
# Debian's also has what is a network of its own: GSSAPI, LDAP, SSH, RTMP.
. "$(dirname "$0")/../lib.sh"

unpack curl curl_8.21.0.orig.tar.gz
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
export LIBS="-lbrotlicommon"
export ISOLET_STACK=524288
cross --disable-shared --enable-static --disable-dependency-tracking --disable-debug \
	--with-openssl="$DEPS/usr" --with-nghttp2="$DEPS/usr" --with-zlib="$DEPS/usr" \
	--with-brotli="$DEPS/usr" --with-zstd="$DEPS/usr" --without-libpsl --without-libidn2 \
	--without-libssh2 --without-librtmp --without-libgsasl --disable-ldap --disable-manual \
	--disable-docs --enable-threaded-resolver --disable-ares --enable-websockets --enable-versioned-symbols=no \
	--with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --with-ca-path=/etc/ssl/certs
make -s -j"$JOBS" -C lib
make -s -C lib install DESTDIR="$DEPS"
make -s -C include install DESTDIR="$DEPS"
rm -f "$DEPS"/usr/lib/*.la
ISOLET_STRICT=1 make -s -j"$JOBS" -C src
wasm32-isolet-finish src/curl "$OUT/curl.wasm"
