#!/bin/sh
# tree.
. "$(dirname "$0")/../lib.sh"

unpack tree tree_2.1.0.orig.tar.gz tree_2.1.0-1.debian.tar.xz
ISOLET_STRICT=1 make -s -j"$JOBS" tree CC=wasm32-isolet-cc \
	CFLAGS="-O2 -w -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64" LDFLAGS=
wasm32-isolet-finish tree "$OUT/tree.wasm"
