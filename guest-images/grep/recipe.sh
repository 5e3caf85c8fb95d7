#!/bin/sh
# GNU grep, with -P by PCRE2 (recipe pcre2).
. "$(dirname "$0")/../lib.sh"

unpack grep grep_3.12.orig.tar.xz
# A stack that grows down, as configure would find by running a program.
export sv_cv_stack_direction=-1 sv_cv_stack_direction_msg="grows down"
export PCRE_CFLAGS="-I$DEPS/usr/include -DPCRE2_STATIC" \
	PCRE_LIBS="-L$DEPS/usr/lib -lpcre2-8"
cross --disable-nls --enable-perl-regexp --disable-dependency-tracking
ISOLET_STRICT=1 make -s -j"$JOBS" SUBDIRS="lib src"
wasm32-isolet-finish src/grep "$OUT/grep.wasm"
