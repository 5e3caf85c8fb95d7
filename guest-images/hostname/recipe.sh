#!/bin/sh
# Debian's hostname: also -f, -d, -i, -I, which coreutils' has not.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=131072

unpack hostname hostname_3.25.tar.xz
ISOLET_STRICT=1 make -s CC=wasm32-isolet-cc CFLAGS="-O2 -w -D_GNU_SOURCE"
wasm32-isolet-finish hostname "$OUT/hostname.wasm"
