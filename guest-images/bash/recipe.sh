#!/bin/sh
# bash, Debian's source and patches.
. "$(dirname "$0")/../lib.sh"
export ISOLET_FORK=1 ISOLET_STACK=8388608

unpack bash bash_5.3.orig.tar.xz bash_5.3-4.debian.tar.xz
touch configure
cross --disable-nls --without-bash-malloc --disable-readline --disable-rpath \
	--enable-job-control --enable-net-redirections --enable-progcomp
ISOLET_STRICT=1 make -s -j"$JOBS"
wasm32-isolet-finish --fork bash "$OUT/bash.wasm"
