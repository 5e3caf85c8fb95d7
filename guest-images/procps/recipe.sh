#!/bin/sh
# procps: programs that read /proc.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=524288
unpack procps procps_4.0.4.orig.tar.xz procps_4.0.4-9.debian.tar.xz
# Patches touched what automake would make these from.
touch aclocal.m4 configure config.h.in
touch Makefile.in
export CPPFLAGS="-I$DEPS/usr/include -idirafter /opt/isolet/kernel-headers"
export NCURSES_CFLAGS="-I$DEPS/usr/include" NCURSES_LIBS="-L$DEPS/usr/lib -lncursesw -ltinfo"
# What configure would find out by running programs.
export ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes
export LDFLAGS="-L$DEPS/usr/lib"
cross --disable-shared --enable-static --disable-nls --enable-watch8bit --enable-colorwatch \
	--enable-w-from --enable-skill --disable-modern-top --disable-numa --disable-dependency-tracking
make -s -j"$JOBS" library/libproc2.la
programs="free pgrep pidof pidwait pmap pwdx skill slabtop sysctl tload uptime vmstat w kill"
for name in $programs ps/pscommand top/top; do
	ISOLET_STRICT=1 make -s -j"$JOBS" "src/$name"
done
# watch forks once for each turn.
ISOLET_FORK=65536 ISOLET_STRICT=1 make -s src/watch
for name in $programs; do
	wasm32-isolet-finish "src/$name" "$OUT/$name.wasm"
done
wasm32-isolet-finish src/ps/pscommand "$OUT/ps.wasm"
wasm32-isolet-finish src/top/top "$OUT/top.wasm"
wasm32-isolet-finish --fork src/watch "$OUT/watch.wasm"
