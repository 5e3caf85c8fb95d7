#!/bin/sh
# zstd with its threads, reading .gz and .xz too (recipes zlib and xz first),
# the scripts around it, and libzstd.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=524288
unpack zstd libzstd_1.5.7+dfsg.orig.tar.xz libzstd_1.5.7+dfsg-4.debian.tar.xz
# Its makefiles add to these, which they could not do to arguments.
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
set -- CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib \
	ZSTD_NO_ASM=1 V=0 UNAME=Linux
make -s -j"$JOBS" -C lib libzstd.a CFLAGS="-O3 -w -DZSTD_MULTITHREAD" "$@"
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 lib/libzstd.a "$DEPS/usr/lib/"
install -m 644 lib/zstd.h lib/zdict.h lib/zstd_errors.h "$DEPS/usr/include/"
ISOLET_STRICT=1 make -s -j"$JOBS" -C programs zstd CFLAGS="-O3 -w" HAVE_THREAD=1 HAVE_ZLIB=1 \
	HAVE_LZMA=1 HAVE_LZ4=0 BACKTRACE=0 "$@"
wasm32-isolet-finish programs/zstd "$OUT/zstd.wasm"
tree="$OUT/zstd.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
install -m 755 programs/zstdgrep programs/zstdless "$tree/usr/bin/"
