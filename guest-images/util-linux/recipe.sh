#!/bin/sh
# The programs of util-linux that people meet in scripts (Debian's bsdextrautils
# and a part of util-linux and bsdutils). Recipe ncurses first.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=262144
unpack util-linux util-linux_2.41.5.orig.tar.xz util-linux_2.41.5-0+deb13u1.debian.tar.xz
# Their times tell make what is older.
if [ -z "${ISOLET_AGAIN:-}" ]; then
	find . -name '*.m4' | xargs touch
	touch configure
	find . -name Makefile.in -o -name config.h.in | xargs touch
fi
export CPPFLAGS="-I$DEPS/usr/include -idirafter /opt/isolet/kernel-headers" LDFLAGS="-L$DEPS/usr/lib"
export NCURSESW_CFLAGS="-I$DEPS/usr/include" NCURSESW_LIBS="-lncursesw -ltinfo"
plain="column hexdump rev getopt look cal namei whereis uuidgen mcookie colrm colcrt prlimit renice fallocate rename ul logger scriptreplay
	choom findmnt hardlink ionice mountpoint taskset"
forking="flock setsid more script umount mount"
cross --disable-nls --disable-dependency-tracking --disable-shared --enable-static \
	--without-python --without-systemd --without-udev --without-readline --without-cap-ng \
	--without-btrfs --without-libmagic --without-selinux --without-audit --without-slang \
	--with-ncursesw --with-tinfo --without-libz --without-econf \
	--without-user --disable-asciidoc --disable-poman --disable-liblastlog2 --disable-year2038
ISOLET_STRICT=1 make -s -j"$JOBS" $plain
for name in $plain; do
	wasm32-isolet-finish $name "$OUT/$name.wasm"
done
mv "$OUT/rename.wasm" "$OUT/rename.ul.wasm"
# These start one program, after a fork; mount and umount look at paths in a child without their rights.
ISOLET_FORK=16384 ISOLET_STRICT=1 make -s -j"$JOBS" $forking
for name in $forking; do
	wasm32-isolet-finish --fork $name "$OUT/$name.wasm"
done
