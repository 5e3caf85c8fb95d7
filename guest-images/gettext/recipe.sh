#!/bin/sh
# envsubst, which is all of Debian's gettext-base that scripts use without catalogues of messages. shim/ is what it
# takes from gnulib.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=131072

unpack gettext gettext_0.23.1.orig.tar.xz
ISOLET_STRICT=1 wasm32-isolet-cc -O2 -w -include "$here/shim/config.h" -I"$here/shim" \
	-o envsubst gettext-runtime/src/envsubst.c
wasm32-isolet-finish envsubst "$OUT/envsubst.wasm"
