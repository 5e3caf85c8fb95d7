#!/bin/sh
# GNU patch; for ed scripts it starts ed (recipe ed).
. "$(dirname "$0")/../lib.sh"

unpack patch patch_2.8.orig.tar.xz patch_2.8-2.debian.tar.xz
generated_is_new
cross --disable-nls --disable-xattr --disable-dependency-tracking ED_PROGRAM=/usr/bin/ed
for part in lib src; do
	ISOLET_STRICT=1 make -s -j"$JOBS" -C $part
done
wasm32-isolet-finish src/patch "$OUT/patch.wasm"
