#!/bin/sh
# zlib: a static library and its headers, for git, curl, wget and others.
. "$(dirname "$0")/../lib.sh"

unpack zlib zlib_1.3.dfsg+really1.3.1.orig.tar.gz
# Its own configure, which knows no hosts; O3 as upstream chooses.
[ -f libz.a ] || CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib CFLAGS="-O3 -w" \
	./configure --static --prefix=/usr
make -s -j"$JOBS" libz.a
install -d "$DEPS/usr/lib/pkgconfig" "$DEPS/usr/include"
install -m 644 libz.a "$DEPS/usr/lib/"
install -m 644 zlib.h zconf.h "$DEPS/usr/include/"
install -m 644 zlib.pc "$DEPS/usr/lib/pkgconfig/"
