#!/bin/sh
# coreutils as one program. Nothing in it may fork (it would make all of it two
# to three times slower): the patches put posix_spawn in its place.
. "$(dirname "$0")/../lib.sh"

# Every process counts: nothing here recurses deeply.
export ISOLET_STACK=524288
unpack coreutils coreutils_9.10.orig.tar.xz
export CPPFLAGS="-idirafter /opt/isolet/kernel-headers"
cross --enable-single-binary=symlinks --enable-no-install-program=stdbuf \
	--enable-install-program=arch,hostname,kill,uptime --disable-nls --disable-acl \
	--disable-xattr --disable-libcap --without-selinux --without-openssl \
	--without-libgmp --disable-systemd --disable-libsmack --disable-dependency-tracking
# stdbuf, without its shared library, which is part of the C library here
# (patches/stdbuf-in-libc.patch).
grep -q '^single_binary_progs = stdbuf' Makefile ||
	sed -i 's,^single_binary_deps = ,&src/libsinglebin_stdbuf.a ,
		s,^single_binary_progs = ,&stdbuf ,' Makefile
rm -f src/coreutils-coreutils.o
ISOLET_STRICT=1 make -s -j"$JOBS" all man1_MANS= MANS= SUBDIRS=.
wasm32-isolet-finish src/coreutils "$OUT/coreutils.wasm"
# The names it answers to.
sed -n 's/^SINGLE_BINARY_PROGRAM("\([^"]*\)".*/\1/p' src/coreutils.h |
	grep -vx 'hostname\|kill\|uptime\|chcon\|runcon\|ginstall' | sort -u >"$OUT/coreutils.names"
echo install >>"$OUT/coreutils.names"
