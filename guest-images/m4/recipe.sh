#!/bin/sh
# GNU m4.
. "$(dirname "$0")/../lib.sh"

unpack m4 m4_1.4.19.orig.tar.xz
export ac_cv_c_stack_direction=-1 sv_cv_stack_direction=-1 sv_cv_stack_direction_msg="grows down" \
	ac_cv_func_posix_spawn_works=yes gl_cv_func_posix_spawn_works=yes
cross --disable-nls --disable-dependency-tracking --disable-c++ --without-libsigsegv-prefix
for part in lib src; do
	ISOLET_STRICT=1 make -s -j"$JOBS" -C $part
done
wasm32-isolet-finish src/m4 "$OUT/m4.wasm"
