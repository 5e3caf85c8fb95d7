#!/bin/sh
# GNU grep.
. "$(dirname "$0")/../lib.sh"

unpack grep grep_3.12.orig.tar.xz
# A stack that grows down, as configure would find by running a program.
export ac_cv_c_stack_direction=-1
cross --disable-nls --disable-perl-regexp --disable-dependency-tracking
ISOLET_STRICT=1 make -s -j"$JOBS" SUBDIRS="lib src"
wasm32-isolet-finish src/grep "$OUT/grep.wasm"
