#!/bin/sh
# psmisc: killall, pstree, fuser, prtstat, pslog.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=524288
unpack psmisc psmisc_23.7.orig.tar.xz
export CPPFLAGS="-I$DEPS/usr/include -idirafter /opt/isolet/kernel-headers" LDFLAGS="-L$DEPS/usr/lib"
export ac_cv_func_malloc_0_nonnull=yes ac_cv_func_realloc_0_nonnull=yes
export TERMCAP_LIB=-ltinfo
cross --disable-nls --disable-harden-flags --disable-selinux --disable-apparmor --disable-dependency-tracking
for name in killall pstree fuser prtstat pslog; do
	ISOLET_STRICT=1 make -s -j"$JOBS" "src/$name"
	wasm32-isolet-finish "src/$name" "$OUT/$name.wasm"
done
