#!/bin/sh
# Oniguruma, a static library, for jq's regular expressions.
. "$(dirname "$0")/../lib.sh"

unpack onig libonig_6.9.10.orig.tar.gz
[ -f configure ] || autoreconf -fi
cross --disable-shared --disable-dependency-tracking --enable-posix-api=yes
make -s -j"$JOBS" -C src libonig.la
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 src/.libs/libonig.a "$DEPS/usr/lib/"
install -m 644 src/oniguruma.h src/oniggnu.h "$DEPS/usr/include/"
