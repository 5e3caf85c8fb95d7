#!/bin/sh
# find and xargs.
. "$(dirname "$0")/../lib.sh"

unpack findutils findutils_4.11.0.orig.tar.xz
cross --disable-nls --disable-dependency-tracking --without-selinux --disable-year2038
for part in gl lib find xargs; do
	ISOLET_STRICT=1 make -s -j"$JOBS" -C $part
done
wasm32-isolet-finish find/find "$OUT/find.wasm"
wasm32-isolet-finish xargs/xargs "$OUT/xargs.wasm"
