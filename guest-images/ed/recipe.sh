#!/bin/sh
# GNU ed.
. "$(dirname "$0")/../lib.sh"

unpack ed ed_1.19.orig.tar.gz
# Its own configure.
./configure --prefix=/usr CC=wasm32-isolet-cc CFLAGS="-O2 -w"
ISOLET_STRICT=1 make -s -j"$JOBS" ed
wasm32-isolet-finish ed "$OUT/ed.wasm"
tree="$OUT/ed.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
make -s red
install -m 755 red "$tree/usr/bin/red"
