#!/bin/sh
# nghttp2's library: HTTP/2 for curl and git.
. "$(dirname "$0")/../lib.sh"

unpack nghttp2 nghttp2_1.70.0.orig.tar.gz
cross --enable-lib-only --disable-shared --disable-dependency-tracking
make -s -j"$JOBS" -C lib
make -s -C lib install DESTDIR="$DEPS"
rm -rf "$DEPS"/usr/lib/*.la "$DEPS/usr/share"
