#!/bin/sh
# GNU sed.
. "$(dirname "$0")/../lib.sh"

unpack sed sed_4.9.orig.tar.xz
cross --disable-nls --disable-acl --without-selinux --disable-dependency-tracking
ISOLET_STRICT=1 make -s -j"$JOBS" sed/sed
wasm32-isolet-finish sed/sed "$OUT/sed.wasm"
