#!/bin/sh
# GNU awk with readline (debugger) and MPFR (-M): recipes ncurses, readline,
# gmp and mpfr first.
. "$(dirname "$0")/../lib.sh"

unpack gawk gawk_5.3.2.orig.tar.xz gawk_5.3.2-1.debian.tar.xz
generated_is_new
# configure edits it, also when it has not made it.
: >extension/Makefile
export CPPFLAGS="-DDYNAMIC=1 -I$DEPS/usr/include" LDFLAGS="-L$DEPS/usr/lib" LIBS="-ltinfo"
cross --disable-nls --disable-pma --disable-extensions --disable-dependency-tracking \
	--with-readline="$DEPS/usr" --with-mpfr="$DEPS/usr"
grep -q 'define HAVE_LIBREADLINE 1' config.h
grep -q 'define HAVE_MPFR 1' config.h
# The extensions, each with a name of its own for its entry.
for name in $(sed -n 's/^BUILTIN(\(.*\))$/\1/p' builtin_extensions.h); do
	files=$name
	[ $name != filefuncs ] || files="filefuncs gawkfts stack"
	for file in $files; do
		wasm32-isolet-cc -O2 -w $CPPFLAGS -I. -Iextension -DHAVE_CONFIG_H -DHAVE_DIRENT_H \
			-DHAVE_DIRFD -DHAVE_FDOPENDIR -DHAVE_FNMATCH -DHAVE_FNMATCH_H -DHAVE_CLOCK_GETTIME \
			-DHAVE_GETTIMEOFDAY -DHAVE_NANOSLEEP -DHAVE_SELECT -DHAVE_SYS_SELECT_H \
			-DHAVE_STATVFS -DHAVE_SYS_STATVFS_H -DHAVE_STRPTIME -DHAVE_FMOD -DHAVE_GETDTABLESIZE \
			-DHAVE_STRUCT_STAT_ST_BLKSIZE -DHAVE_SYS_SYSMACROS_H -D_GNU_SOURCE -Dstack_top=extension_stack_top "-Ddl_load=dl_load_$name" \
			"-Dplugin_is_GPL_compatible=gpl_compatible_$name" \
			-c extension/$file.c -o extension/$file.o
	done
done
ISOLET_STRICT=1 make -s -j"$JOBS" -C support
ISOLET_STRICT=1 make -s -j"$JOBS" gawk LIBS="extension/*.o -ltinfo -lm"
wasm32-isolet-finish gawk "$OUT/gawk.wasm"
tree="$OUT/gawk.tree"
rm -rf "$tree"
install -d "$tree/usr/share/awk"
install -m 644 awklib/eg/lib/*.awk "$tree/usr/share/awk/"
