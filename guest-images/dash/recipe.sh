#!/bin/sh
# dash, Debian's source and patches.
. "$(dirname "$0")/../lib.sh"
export ISOLET_FORK=786432

# Privileged mode is for set-user-ID scripts, which do not exist here, and its
# patch needs automake.
SKIP_PATCHES=9001-Add-privmode.diff
unpack dash dash_0.5.12.orig.tar.gz dash_0.5.12-12.debian.tar.xz
# (Not when linking again: it would configure anew, with nothing of the below.)
[ -n "${ISOLET_AGAIN:-}" ] || touch aclocal.m4 configure config.h.in Makefile.in src/Makefile.in
cross --disable-fnmatch --without-libedit
ISOLET_STRICT=1 make -s -j"$JOBS"
wasm32-isolet-finish --fork src/dash "$OUT/dash.wasm"
