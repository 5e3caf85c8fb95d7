#!/bin/sh
# brotli's decoder, a static library for curl.
. "$(dirname "$0")/../lib.sh"

unpack brotli brotli_1.2.0.orig.tar.gz
# The two libraries that its CMake files would make, without needing CMake.
for part in common dec; do
	mkdir -p "o$part"
	for file in c/"$part"/*.c; do
		wasm32-isolet-cc -O2 -w -Ic/include -c "$file" -o "o$part/$(basename "$file" .c).o"
	done
	wasm32-isolet-ar rcs "libbrotli$part.a" "o$part"/*.o
done
install -d "$DEPS/usr/lib" "$DEPS/usr/include/brotli"
install -m 644 libbrotlicommon.a libbrotlidec.a "$DEPS/usr/lib/"
install -m 644 c/include/brotli/*.h "$DEPS/usr/include/brotli/"
