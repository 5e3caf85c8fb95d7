#!/bin/sh
# MPFR, a static library, for gawk -M (recipe gmp first).
. "$(dirname "$0")/../lib.sh"

unpack mpfr mpfr4_4.2.2.orig.tar.xz
cross --disable-shared --disable-dependency-tracking --with-gmp="$DEPS/usr" --enable-thread-safe=no
make -s -j"$JOBS" -C src libmpfr.la
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 src/.libs/libmpfr.a "$DEPS/usr/lib/"
install -m 644 src/mpfr.h src/mpf2mpfr.h "$DEPS/usr/include/"
