#!/bin/sh
# ncurses' low-level library (tinfo), for readline, with the descriptions of the
# usual terminals compiled in: a terminfo database is looked at first.
. "$(dirname "$0")/../lib.sh"

unpack ncurses ncurses_6.6+20260608.orig.tar.gz
cross --without-ada --without-cxx --without-cxx-binding --without-manpages \
	--without-progs --without-tests --without-debug --without-shared \
	--without-dlsym --with-termlib --enable-widec --disable-db-install \
	--with-terminfo-dirs=/etc/terminfo:/lib/terminfo:/usr/share/terminfo \
	--with-default-terminfo-dir=/usr/share/terminfo --without-gpm --disable-stripping \
	--with-fallbacks=xterm-256color,xterm,xterm-color,linux,vt100,vt220,screen,screen-256color,tmux,tmux-256color,rxvt,ansi,dumb \
	--with-tic-path=/usr/bin/tic --with-infocmp-path=/usr/bin/infocmp
make -s -C include
make -s -C ncurses -j"$JOBS" ../lib/libtinfow.a
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 lib/libtinfow.a "$DEPS/usr/lib/libtinfo.a"
install -m 644 include/term.h include/termcap.h include/curses.h include/ncurses_dll.h include/unctrl.h "$DEPS/usr/include/"
