#!/bin/sh
# diff, diff3, cmp and sdiff.
. "$(dirname "$0")/../lib.sh"

unpack diffutils diffutils_3.12.orig.tar.xz
# What configure would find by running a program.
export gl_cv_func_strcasecmp_works=yes sv_cv_stack_direction=-1 sv_cv_stack_direction_msg="grows down"
# Without fork diff3 and sdiff start diff by popen, which is posix_spawn.
export ac_cv_func_fork=no ac_cv_func_vfork=no ac_cv_func_fork_works=no ac_cv_func_vfork_works=no
cross --disable-nls --disable-dependency-tracking
for part in lib src; do
	ISOLET_STRICT=1 make -s -j"$JOBS" -C $part
done
for name in diff diff3 cmp sdiff; do
	wasm32-isolet-finish src/$name "$OUT/$name.wasm"
done
