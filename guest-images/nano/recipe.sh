#!/bin/sh
# nano and its syntax files.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=524288 ISOLET_FORK=65536
unpack nano nano_8.4.orig.tar.xz nano_8.4-1+deb13u1.debian.tar.xz
export CPPFLAGS="-I$DEPS/usr/include -idirafter /opt/isolet/kernel-headers" LDFLAGS="-L$DEPS/usr/lib"
export NCURSESW_CFLAGS="-I$DEPS/usr/include" NCURSESW_LIBS="-L$DEPS/usr/lib -lncursesw -ltinfo"
# What configure would find out by running programs.
export gl_cv_func_strcasecmp_works=yes gl_cv_func_working_strcasecmp=yes
cross --disable-nls --enable-utf8 --disable-libmagic --disable-dependency-tracking
make -s -j"$JOBS" -C lib
ISOLET_STRICT=1 make -s -j"$JOBS" -C src nano
wasm32-isolet-finish --fork src/nano "$OUT/nano.wasm"
tree="$OUT/nano.tree"
rm -rf "$tree"
make -s -C syntax install DESTDIR="$tree"
install -D -m 644 debian/nanorc "$tree/etc/nanorc"
