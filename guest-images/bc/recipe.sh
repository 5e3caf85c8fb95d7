#!/bin/sh
# bc (with readline: recipes ncurses and readline first) and dc.
. "$(dirname "$0")/../lib.sh"

unpack bc bc_1.07.1.orig.tar.gz
generated_is_new
# bc's own library is compiled by bc: by one of the build machine.
[ -d native ] || (
	mkdir native
	cp -a $(ls | grep -v '^native$') native/
	cd native
	CC="gcc -std=gnu17" CFLAGS="-O1 -w" ./configure MAKEINFO=true >/dev/null
	make -s -C lib libbc.a
	cd bc
	echo '{0}' >libmath.h
	gcc -std=gnu17 -O1 -w -DHAVE_CONFIG_H -I. -I.. -I../h -o fbc main.c bc.c scan.c execute.c load.c \
		storage.c util.c warranty.c global.c ../lib/libbc.a
	./fbc -c libmath.b </dev/null >libmath.h
)
# As bc/fix-libmath_h does by ed: a list of strings, without the last line.
sed -e '1s/^/{"/; s/$/",/; 2,$s/^/"/; $d' native/bc/libmath.h | sed '$s/,$/,0}/' >bc/libmath.h
touch -d '+1 hour' bc/libmath.h
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
cross --with-readline --disable-dependency-tracking MAKEINFO=true
grep -q 'define READLINE 1' config.h
make -s -C lib -j"$JOBS"
ISOLET_STRICT=1 make -s -C bc bc LIBS=-ltinfo
ISOLET_STRICT=1 make -s -C dc dc
wasm32-isolet-finish bc/bc "$OUT/bc.wasm"
wasm32-isolet-finish dc/dc "$OUT/dc.wasm"
