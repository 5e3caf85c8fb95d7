#!/bin/sh
# GNU make: starts its jobs by posix_spawn.
. "$(dirname "$0")/../lib.sh"

unpack make make-dfsg_4.4.1.orig.tar.xz make-dfsg_4.4.1-3.debian.tar.xz
generated_is_new
# The package has no manual.
mkdir -p doc
: >doc/Makefile.in
export make_cv_posix_spawn=yes ac_cv_func_vfork=no ac_cv_func_vfork_works=no
cross --disable-nls --disable-dependency-tracking --without-guile --disable-load --disable-year2038
grep -q 'define USE_POSIX_SPAWN 1' src/config.h
make -s -j"$JOBS" -C lib
ISOLET_STRICT=1 make -s -j"$JOBS" make
wasm32-isolet-finish make "$OUT/make.wasm"
