#!/bin/sh
# PCRE2, a static library for grep -P.
. "$(dirname "$0")/../lib.sh"

unpack pcre2 pcre2_10.48.orig.tar.gz
cross --disable-shared --disable-jit --enable-unicode --disable-dependency-tracking
make -s -j"$JOBS" libpcre2-8.la
make -s install-libLTLIBRARIES install-includeHEADERS install-nodist_includeHEADERS \
	DESTDIR="$DEPS" lib_LTLIBRARIES=libpcre2-8.la
rm -f "$DEPS"/usr/lib/*.la
