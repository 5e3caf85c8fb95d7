#!/bin/sh
# Info-ZIP's unzip, zipinfo, funzip and zipgrep (recipe bzip2 first).
. "$(dirname "$0")/../lib.sh"

unpack unzip unzip_6.0.orig.tar.gz unzip_6.0-29+deb13u1.debian.tar.xz
defines="-DACORN_FTYPE_NFS -DWILD_STOP_AT_DIR -DLARGE_FILE_SUPPORT -DUNICODE_SUPPORT
 -DUNICODE_WCHAR -DUTF8_MAYBE_NATIVE -DNO_LCHMOD -DDATE_FORMAT=DF_YMD -DUSE_BZIP2
 -DIZ_HAVE_UXUIDGID -DNOMEMCPY -DNO_WORKING_ISPRINT -DUNIX -DHAVE_DIRENT_H -DHAVE_TERMIOS_H"
ISOLET_STRICT=1 make -s -f unix/Makefile -j"$JOBS" unzip funzip D_USE_BZ2=-DUSE_BZIP2 \
	L_BZ2=-lbz2 CC=wasm32-isolet-cc LD=wasm32-isolet-cc LF2="-L$DEPS/usr/lib" \
	CF="$(echo -O2 -w -std=gnu89 -I. "-I$DEPS/usr/include" $defines)"
for name in unzip funzip; do
	wasm32-isolet-finish $name "$OUT/$name.wasm"
done
tree="$OUT/unzip.tree"
rm -rf "$tree"
install -d "$tree/usr/bin"
install -m 755 unix/zipgrep "$tree/usr/bin/zipgrep"
