#!/bin/sh
# xz with its threads, the scripts around it, and liblzma.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=262144
unpack xz xz-utils_5.8.4.orig.tar.xz
[ -f configure ] || autoreconf -fi
cross --disable-nls --disable-shared --disable-lzmadec --disable-lzmainfo --disable-xzdec \
	--disable-doc --disable-dependency-tracking --enable-threads=posix --disable-sandbox
ISOLET_STRICT=1 make -s -j"$JOBS"
make -s -C src/liblzma install DESTDIR="$DEPS"
rm -f "$DEPS"/usr/lib/liblzma.la
wasm32-isolet-finish src/xz/xz "$OUT/xz.wasm"
tree="$OUT/xz.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
for name in xzdiff xzgrep xzless xzmore; do
	install -m 755 src/scripts/$name "$tree/usr/bin/$name"
done
for pair in xzcmp:xzdiff xzegrep:xzgrep xzfgrep:xzgrep lzdiff:xzdiff lzcmp:xzdiff lzgrep:xzgrep \
	lzegrep:xzgrep lzfgrep:xzgrep lzless:xzless lzmore:xzmore; do
	ln -s "${pair#*:}" "$tree/usr/bin/${pair%:*}"
done
