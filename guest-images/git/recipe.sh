#!/bin/sh
# git: one module for git and its servers, one for what speaks HTTP (with
# libcurl), and the scripts and templates as a tree. No Perl, Python or Tcl.
. "$(dirname "$0")/../lib.sh"

unpack git git_2.55.0.orig.tar.xz git_2.55.0-1.debian.tar.xz
cp "$here/programs.c" .
export ISOLET_STACK=2097152
cat >config.mak <<-END
	prefix = /usr
	gitexecdir = /usr/lib/git-core
	sysconfdir = /etc
	CC = wasm32-isolet-cc
	AR = wasm32-isolet-ar
	HOST_CPU = wasm32
	CFLAGS = -O2 -w -I$DEPS/usr/include -DPCRE2_STATIC
	LDFLAGS = -L$DEPS/usr/lib
	DEFAULT_PAGER = pager
	DEFAULT_EDITOR = editor
	SANE_TOOL_PATH =
	NO_OPENSSL = 1
	NO_RUST = 1
	NO_PERL = 1
	NO_PYTHON = 1
	NO_TCLTK = 1
	NO_GETTEXT = 1
	NO_EXPAT = 1
	NO_INSTALL_HARDLINKS = 1
	INSTALL_SYMLINKS = 1
	# GNU's regular expressions, as glibc has them.
	NO_REGEX = 1
	# Mapping a file copies it: read the parts that are wanted.
	NO_MMAP = 1
	ICONV_OMITS_BOM = 1
	USE_LIBPCRE2 = 1
	LIBPCREDIR = $DEPS/usr
	HAVE_SYNC_FILE_RANGE =
	FSMONITOR_DAEMON_BACKEND =
	FSMONITOR_OS_SETTINGS =
	CURL_CONFIG = false
	CURL_CFLAGS = -I$DEPS/usr/include
	CURL_LDFLAGS = -lcurl -lnghttp2 -lssl -lcrypto -lbrotlidec -lbrotlicommon -lzstd
END
grep -q isolet-git Makefile || cat "$here/programs.mak" >>Makefile
ISOLET_STRICT=1 make -s -j"$JOBS" isolet-git
wasm32-isolet-finish isolet-git "$OUT/git.wasm"
ISOLET_STRICT=1 make -s -j"$JOBS" isolet-http
wasm32-isolet-finish isolet-http "$OUT/git-remote-http.wasm"

# Scripts and templates, where Debian has them.
make -s isolet-scripts
make -s -C contrib/subtree git-subtree
tree=$OUT/git.tree
core=$tree/usr/lib/git-core
rm -rf "$tree"
install -d "$core/mergetools" "$tree/usr/share/bash-completion/completions" "$tree/etc/bash_completion.d" "$tree/var/lib/git"
install -m 755 $(cat scripts) contrib/subtree/git-subtree "$core/"
install -m 644 $(cat libraries) "$core/"
install -m 644 contrib/completion/git-prompt.sh "$core/git-sh-prompt"
install -m 644 mergetools/* "$core/mergetools/"
install -m 644 contrib/completion/git-completion.bash "$tree/usr/share/bash-completion/completions/git"
install -m 644 debian/git-prompt.completion "$tree/etc/bash_completion.d/git-prompt"
make -s -C templates install DESTDIR="$tree" prefix=/usr
for name in $(cat builtins); do
	[ -e "$core/$name" ] || ln -s git "$core/$name"
done
