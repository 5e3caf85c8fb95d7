#!/bin/sh
# ncurses: the libraries for bash, procps, nano, less and vim (tinfo has the
# usual terminals compiled in; a database is looked at first), its programs, and
# the terminfo database of Debian's ncurses-base with some terminals of today.
. "$(dirname "$0")/../lib.sh"

export ISOLET_STACK=262144
unpack ncurses ncurses_6.6+20260608.orig.tar.gz ncurses_6.6+20260608-2.debian.tar.xz
cross --without-ada --without-cxx --without-cxx-binding --without-manpages \
	--without-tests --without-debug --without-shared \
	--without-dlsym --with-termlib --enable-widec --disable-db-install \
	--with-terminfo-dirs=/etc/terminfo:/lib/terminfo:/usr/share/terminfo \
	--with-default-terminfo-dir=/usr/share/terminfo --without-gpm --disable-stripping \
	--disable-root-access --disable-setuid-environ \
	--with-fallbacks=xterm-256color,xterm,xterm-color,linux,vt100,vt220,screen,screen-256color,tmux,tmux-256color,rxvt,ansi,dumb \
	--with-tic-path=/usr/bin/tic --with-infocmp-path=/usr/bin/infocmp
make -s -C include
make -s -C ncurses -j"$JOBS"
make -s -C panel
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 lib/libtinfow.a "$DEPS/usr/lib/libtinfo.a"
install -m 644 lib/libncursesw.a lib/libpanelw.a "$DEPS/usr/lib/"
install -m 644 include/term.h include/termcap.h include/curses.h include/ncurses_dll.h include/unctrl.h panel/panel.h "$DEPS/usr/include/"
ln -sf curses.h "$DEPS/usr/include/ncurses.h"
ln -sfn . "$DEPS/usr/include/ncursesw"

ISOLET_STRICT=1 make -s -C progs -j"$JOBS"
for name in clear infocmp tabs tic toe tput tset; do
	wasm32-isolet-finish progs/$name "$OUT/$name.wasm"
done

# With the extended capabilities (-x), as Debian does.
tree="$OUT/ncurses.tree"
rm -rf "$tree"
mkdir -p "$tree/usr/share/terminfo"
names=ansi,cons25,cons25-debian,cygwin,dumb,hurd,linux,mach,mach-bold,mach-color,mach-gnu,mach-gnu-color,pcansi,rxvt,rxvt-basic,screen,screen-256color,screen-256color-bce,screen-bce,screen-s,screen-w,screen.xterm-256color,sun,tmux,tmux-256color,tmux-direct,vt100,vt102,vt220,vt52,wsvt25,wsvt25m,xterm,xterm-256color,xterm-color,xterm-direct,xterm-mono,xterm-r5,xterm-r6,xterm-vt220,xterm-xfree86,alacritty,foot,ghostty,kitty,iTerm2.app,mintty,ms-terminal,putty,putty-256color,vte,vte-256color,konsole,konsole-256color,gnome,gnome-256color,st,st-256color,linux-16color,nsterm,Eterm,Eterm-color
tic -x -o "$tree/usr/share/terminfo" -e "$names" misc/terminfo.src
