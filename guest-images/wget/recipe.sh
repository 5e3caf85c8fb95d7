#!/bin/sh
# GNU wget with OpenSSL and zlib.
. "$(dirname "$0")/../lib.sh"

unpack wget wget_1.25.0.orig.tar.gz wget_1.25.0-2.debian.tar.xz
export ISOLET_STACK=524288
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
export OPENSSL_CFLAGS="-I$DEPS/usr/include" OPENSSL_LIBS="-L$DEPS/usr/lib -lssl -lcrypto" \
	ZLIB_CFLAGS="-I$DEPS/usr/include" ZLIB_LIBS="-lz" \
	PCRE2_CFLAGS="-I$DEPS/usr/include -DPCRE2_STATIC" PCRE2_LIBS="-lpcre2-8"
cross --disable-nls --with-ssl=openssl --with-zlib --without-libpsl --disable-iri \
	--without-libuuid --without-metalink --disable-dependency-tracking
make -s -j"$JOBS" -C lib
ISOLET_STRICT=1 make -s -j"$JOBS" -C src
wasm32-isolet-finish src/wget "$OUT/wget.wasm"
