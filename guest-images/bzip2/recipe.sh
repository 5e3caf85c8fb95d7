#!/bin/sh
# bzip2, bzip2recover, the scripts around them, and the library.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=262144
unpack bzip2 bzip2_1.0.8.orig.tar.gz bzip2_1.0.8-6.debian.tar.bz2
make -s -j"$JOBS" libbz2.a CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib \
	CFLAGS="-O2 -w -D_FILE_OFFSET_BITS=64"
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 libbz2.a "$DEPS/usr/lib/"
install -m 644 bzlib.h "$DEPS/usr/include/"
export ISOLET_STRICT=1
for name in bzip2 bzip2recover; do
	wasm32-isolet-cc -O2 -w -D_FILE_OFFSET_BITS=64 $name.c -o $name libbz2.a
	wasm32-isolet-finish $name "$OUT/$name.wasm"
done
tree="$OUT/bzip2.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
for name in bzdiff bzgrep bzmore debian/bzexe; do
	install -m 755 $name "$tree/usr/bin/"
done
ln -s bzdiff "$tree/usr/bin/bzcmp"
ln -s bzgrep "$tree/usr/bin/bzegrep"
ln -s bzgrep "$tree/usr/bin/bzfgrep"
ln -s bzmore "$tree/usr/bin/bzless"
