#!/bin/sh
# GMP, a static library, for mpfr.
. "$(dirname "$0")/../lib.sh"

unpack gmp gmp_6.3.0+dfsg.orig.tar.xz
# The package has no manual.
mkdir -p doc
: >doc/Makefile.in
cross --disable-assembly --disable-shared --disable-dependency-tracking
make -s -j"$JOBS" SUBDIRS="mpn mpz mpq mpf printf scanf rand ."
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 .libs/libgmp.a "$DEPS/usr/lib/"
install -m 644 gmp.h "$DEPS/usr/include/"
