#!/bin/sh
# vim (Debian's package vim: huge), the runtime files of the usual languages, xxd.
. "$(dirname "$0")/../lib.sh"

# It forks for shell commands, jobs and terminal windows, from within scripts.
export ISOLET_STACK=1572864 ISOLET_FORK=524288
unpack vim vim_9.2.0858.orig.tar.xz vim_9.2.0858-1.debian.tar.xz
export CPPFLAGS="-I$DEPS/usr/include -DSYS_VIMRC_FILE='\"/etc/vim/vimrc\"'" LDFLAGS="-L$DEPS/usr/lib"
# What configure would find out by running programs. Timers would need threads.
# The version tells no date of a build.
export SOURCE_DATE_EPOCH=1735689600
export vim_cv_toupper_broken=no vim_cv_terminfo=yes vim_cv_tgetent=zero \
	vim_cv_getcwd_broken=no vim_cv_timer_create=no vim_cv_timer_create_with_lrt=no \
	vim_cv_timer_create_works=no vim_cv_stat_ignores_slash=no \
	vim_cv_memmove_handles_overlap=yes vim_cv_uname_output=Linux \
	vim_cv_uname_m_output=wasm32 vim_cv_uname_r_output=6 ac_cv_small_wchar_t=no \
	ac_cv_sizeof_int=4 ac_cv_sizeof_long=4 ac_cv_sizeof_time_t=8 ac_cv_sizeof_off_t=8
cross --with-features=huge --without-local-dir --enable-gui=no --without-x --without-wayland \
	--disable-canberra --disable-libsodium --disable-gpm --disable-sysmouse --disable-selinux \
	--disable-smack --disable-acl --disable-nls --enable-terminal --enable-cscope \
	--disable-netbeans --disable-xsmp --disable-xattr \
	--with-tlib=tinfo --with-compiledby=isolet \
	--with-global-runtime='/var/lib/vim/addons,/etc/vim,$VIM/vimfiles'
ISOLET_STRICT=1 make -s -C src -j"$JOBS" vim
wasm32-isolet-finish --fork src/vim "$OUT/vim.wasm"
ISOLET_FORK= ISOLET_STACK=131072 ISOLET_STRICT=1 wasm32-isolet-cc -O2 -w -DUNIX src/xxd/xxd.c -o src/xxd/xxd-isolet
wasm32-isolet-finish src/xxd/xxd-isolet "$OUT/xxd.wasm"

# Debian's runtime files without the manual, spelling and tutor; of 750 languages
# those that one meets in a project (all of them would be 2 MB compressed).
tree="$OUT/vim.tree"
rm -rf "$tree"
to="$tree/usr/share/vim/vim92"
install -d "$to/syntax" "$tree/usr/share/vim/vimfiles" "$tree/var/lib/vim/addons"
install -D -m 644 debian/runtime/vimrc "$tree/etc/vim/vimrc"
ln -s /etc/vim/vimrc "$tree/usr/share/vim/vimrc"
cd runtime
for file in bugreport defaults delmenu evim filetype ftoff ftplugin ftplugof indent indoff \
	menu mswin optwin scripts synmenu vimrc_example xdg; do
	install -m 644 "$file.vim" "$to/"
done
install -m 644 ../debian/runtime/debian.vim "$to/"
cp -R autoload colors compiler ftplugin import indent macros pack plugin "$to/"
cp -R syntax/shared "$to/syntax/"
for language in 2html apache apachestyle asm automake awk bash bc bindzone c cabal cfg changelog clojure cmake \
	colortest conf config confini cpp crontab cs csh css csv dart debchangelog debcontrol \
	debcopyright debsources desktop diff dircolors django dns dockerfile dosbatch dosini dot doxygen \
	dtd editorconfig elixir elm eruby erlang forth fortran fstab gdb git gitattributes gitcommit \
	gitconfig gitignore gitrebase gnuplot go goaccess gomod gosum gotexttmpl gotmpl gpg graphql \
	groff group groovy haml haskell hcl help hitest hostconf hostsaccess html htmldjango inittab java \
	javascript javascriptreact jq json json5 jsonc jsonl julia kotlin ld less lex lisp llvm log lua \
	m4 mail make man manconf manual markdown matlab meson messages mysql nasm nginx ninja nix \
	nosyntax nroff objc objcpp ocaml pamconf pascal passwd perl php phtml plaintex plsql po prolog \
	proto ps1 ps1xml python python2 qf r readline resolv rmd robots rst ruby rust sass scala scheme \
	screen scss sed services sh shelldoc solidity sql sqlite sqloracle squid sshconfig sshdconfig strace \
	sudoers svg swift syncolor synload syntax sysctl systemd systemverilog tar tcl terraform tex \
	texinfo text tmux toml tsv twig typescript typescriptreact typescriptcommon unix upstart vb verilog vhdl \
	vim viminfo vue wast wdl wget wget2 whitespace xdefaults xhtml xinetd xml xs xsd xslt yacc yaml zig zsh; do
	[ ! -f "syntax/$language.vim" ] || install -m 644 "syntax/$language.vim" "$to/syntax/"
done
for file in "$to"/ftplugin/*.vim "$to"/indent/*.vim; do
	[ -f "$to/syntax/$(basename "$file")" ] || rm "$file"
done
rm -r "$to/colors/tools" "$to"/autoload/*ada*.vim "$to"/autoload/context*.vim "$to"/autoload/typst.vim
find "$to" \( -name '*.info' -o -name Makefile -o -name 'README*' -o -path '*/doc/*' \) -type f -delete
find "$tree" -type f -exec chmod 644 {} +
find "$tree" -type d -empty -path '*/doc' -delete
