#!/bin/sh
# GNU grep.
. "$(dirname "$0")/../lib.sh"

unpack grep grep_3.12.orig.tar.xz
cross --disable-nls --disable-perl-regexp --disable-dependency-tracking
ISOLET_STRICT=1 make -s -j"$JOBS" SUBDIRS="lib src"
wasm32-isolet-finish src/grep "$OUT/grep.wasm"
