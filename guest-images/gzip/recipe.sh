#!/bin/sh
# gzip and its scripts.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=262144
scripts="gunzip gzexe zcat zcmp zdiff zegrep zfgrep zforce zgrep zless zmore znew"
unpack gzip gzip_1.14.orig.tar.xz gzip_1.14-1.debian.tar.xz
generated_is_new
cross --disable-dependency-tracking --disable-year2038 GREP=grep CONFIG_SHELL=/bin/sh
ISOLET_STRICT=1 make -s -j"$JOBS" -C lib
make -s version.c version.h
ISOLET_STRICT=1 make -s -j"$JOBS" gzip $scripts
wasm32-isolet-finish gzip "$OUT/gzip.wasm"
tree="$OUT/gzip.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
for name in $scripts; do
	install -m 755 $name "$tree/usr/bin/$name"
done
ln -s gunzip "$tree/usr/bin/uncompress"
