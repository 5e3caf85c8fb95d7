#!/bin/sh
# Info-ZIP's zip, zipcloak, zipnote and zipsplit (recipe bzip2 first).
. "$(dirname "$0")/../lib.sh"

unpack zip zip_3.0.orig.tar.gz zip_3.0-16.debian.tar.xz
# Code and probes are from before prototypes.
cflags="-O2 -w -std=gnu89 -I. -DUNIX -DLARGE_FILE_SUPPORT"
cp "$DEPS/usr/include/bzlib.h" "$DEPS/usr/lib/libbz2.a" bzip2/
sh unix/configure "wasm32-isolet-cc" "$cflags"
cat flags
eval ISOLET_STRICT=1 make -s -f unix/Makefile -j"$JOBS" zips "$(cat flags)"
for name in zip zipcloak zipnote zipsplit; do
	wasm32-isolet-finish $name "$OUT/$name.wasm"
done
