#!/bin/sh
# GNU readline and history, static libraries (recipe ncurses first): for gawk,
# sqlite3, bc and CPython; bash has its own copy.
. "$(dirname "$0")/../lib.sh"

unpack readline readline_8.3.orig.tar.gz
export bash_cv_wcwidth_broken=no bash_cv_func_sigsetjmp=present bash_cv_must_reinstall_sighandlers=no
export CPPFLAGS="-I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib"
cross --disable-shared --with-curses
make -s -j"$JOBS" static
install -d "$DEPS/usr/lib" "$DEPS/usr/include/readline"
install -m 644 libreadline.a libhistory.a "$DEPS/usr/lib/"
install -m 644 readline.h chardefs.h keymaps.h history.h tilde.h rlstdc.h rlconf.h rltypedefs.h \
	"$DEPS/usr/include/readline/"
