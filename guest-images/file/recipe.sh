#!/bin/sh
# file with the libraries that look into compressed files (recipes zlib, bzip2,
# xz and zstd first) and its magic, compiled by a file of the build machine.
. "$(dirname "$0")/../lib.sh"

unpack file file_5.47.orig.tar.gz file_5.47-4.debian.tar.xz
generated_is_new
[ -d native ] || (
	mkdir native
	cd native
	CC=gcc CFLAGS="-O1 -w -DHOWMANY=0x18000" ../configure --disable-libseccomp --disable-shared \
		--disable-zlib --disable-bzlib --disable-xzlib --disable-zstdlib --disable-lzlib --disable-lrziplib \
		--disable-dependency-tracking >/dev/null
	make -s -j"$JOBS" -C src
	make -s -C magic
)
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
CFLAGS="-O2 -w -DHOWMANY=0x18000" cross --datadir=/usr/share --disable-libseccomp --disable-shared \
	--disable-lzlib --disable-lrziplib --disable-dependency-tracking
ISOLET_STRICT=1 make -s -j"$JOBS" -C src
wasm32-isolet-finish src/file "$OUT/file.wasm"
tree="$OUT/file.tree"
rm -rf "$tree"
install -d "$tree/usr/lib/file" "$tree/usr/share/misc" "$tree/usr/share/file/magic" "$tree/etc"
install -m 644 native/magic/magic.mgc "$tree/usr/lib/file/magic.mgc"
ln -s ../../lib/file/magic.mgc "$tree/usr/share/misc/magic.mgc"
ln -s ../file/magic "$tree/usr/share/misc/magic"
ln -s ../../lib/file/magic.mgc "$tree/usr/share/file/magic.mgc"
install -m 644 magic/magic.local "$tree/etc/magic"
install -m 644 magic/magic.local "$tree/etc/magic.mime"
