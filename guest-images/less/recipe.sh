#!/bin/sh
# less, lessecho, lesskey.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=524288
unpack less less_668.orig.tar.gz less_668-1.debian.tar.xz
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
cross --with-regex=posix --with-editor=/usr/bin/editor
ISOLET_STRICT=1 make -s -j"$JOBS"
for name in less lessecho lesskey; do
	wasm32-isolet-finish "$name" "$OUT/$name.wasm"
done
