#!/bin/sh
# debianutils: run-parts, tempfile, ischroot and its scripts (which, savelog,
# add-shell...).
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=262144

unpack debianutils debianutils_5.24.tar.xz
compile() {
	ISOLET_STRICT=1 wasm32-isolet-cc -O2 -w -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
		-DPACKAGE_VERSION='"5.24"' -DHAVE_PATHS_H=1 -DHAVE_GETOPT_H=1 -o "$1.out" "$1.c"
}
for p in tempfile ischroot; do
	compile "$p"
	wasm32-isolet-finish "$p.out" "$OUT/$p.wasm"
done
# It forks in three places, with work to do in the child.
ISOLET_FORK=16384 compile run-parts
wasm32-isolet-finish --fork run-parts.out "$OUT/run-parts.wasm"

tree=$OUT/debianutils.tree
rm -rf "$tree"
install -d "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/share/debianutils"
install -m 755 which.debianutils savelog "$tree/usr/bin"
ln -s which.debianutils "$tree/usr/bin/which"
install -m 755 add-shell remove-shell update-shells "$tree/usr/sbin"
install -m 644 debian/shells "$tree/usr/share/debianutils"
