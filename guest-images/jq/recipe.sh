#!/bin/sh
# jq, with Oniguruma (recipe onig first).
. "$(dirname "$0")/../lib.sh"

# Recursion as deep as its limits allow: 4095 definitions, 10000 levels of nesting.
export ISOLET_STACK=4194304
unpack jq jq_1.8.2.orig.tar.gz
generated_is_new
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
cross --disable-docs --disable-maintainer-mode --disable-shared --disable-dependency-tracking \
	--with-oniguruma="$DEPS/usr"
grep -q 'define HAVE_LIBONIG 1' src/config.h config.h 2>/dev/null || grep -q HAVE_LIBONIG Makefile
make -s src/builtin.inc src/config_opts.inc src/version.h
ISOLET_STRICT=1 make -s -j"$JOBS" jq
wasm32-isolet-finish jq "$OUT/jq.wasm"
