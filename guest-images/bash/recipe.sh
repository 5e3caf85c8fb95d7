#!/bin/sh
# bash, Debian's source and patches, with readline (recipe ncurses).
. "$(dirname "$0")/../lib.sh"
# Enough for 1500 levels of a plain function.
export ISOLET_FORK=1048576 ISOLET_STACK=1572864

unpack bash bash_5.3.orig.tar.xz bash_5.3-4.debian.tar.xz
# (Not when linking again: it would configure anew, with nothing of the below.)
[ -n "${ISOLET_AGAIN:-}" ] || touch configure
# What configure would find out by running programs.
export bash_cv_getcwd_malloc=yes bash_cv_sys_named_pipes=present \
	bash_cv_unusable_rtsigs=no bash_cv_wexitstatus_offset=8 \
	bash_cv_printf_a_format=yes bash_cv_ulimit_maxfds=yes \
	bash_cv_func_strcoll_broken=no bash_cv_func_fnmatch_equiv_value=0 \
	bash_cv_termcap_lib=libtinfo
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
cross --disable-nls --without-bash-malloc --enable-readline --with-curses \
	--disable-rpath --enable-job-control --enable-net-redirections --enable-progcomp
# Scripts ask $OSTYPE for "linux-gnu"*: what is above the libc is Debian's.
rm -f variables.o
ISOLET_STRICT=1 make -s -j"$JOBS" OS=linux-gnu MACHTYPE=wasm32-unknown-linux-gnu
wasm32-isolet-finish --fork bash "$OUT/bash.wasm"
