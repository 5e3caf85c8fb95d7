#!/bin/sh
# SQLite: the shell (with readline: recipes zlib, ncurses and readline first)
# and the library. Options as Debian's, and the shell's mathematics.
. "$(dirname "$0")/../lib.sh"

SKIP_PATCHES="20-hurd-locking-style.patch 02-use-packaged-lempar.c.patch cross.patch" \
	unpack sqlite3 sqlite3_3.53.4.orig.tar.xz sqlite3_3.53.4-2.debian.tar.xz
options="-DSQLITE_SECURE_DELETE -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_FTS3
 -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE
 -DSQLITE_SOUNDEX -DSQLITE_ENABLE_UNLOCK_NOTIFY -DSQLITE_ENABLE_DBSTAT_VTAB
 -DSQLITE_ENABLE_DBPAGE_VTAB -DSQLITE_ALLOW_ROWID_IN_VIEW -DSQLITE_ENABLE_UPDATE_DELETE_LIMIT
 -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_THREADSAFE=1
 -DSQLITE_USE_URI -DSQLITE_MAX_SCHEMA_RETRY=25 -DSQLITE_ENABLE_PREUPDATE_HOOK
 -DSQLITE_ENABLE_SESSION -DSQLITE_ENABLE_STMTVTAB -DSQLITE_STRICT_SUBTYPE
 -DSQLITE_MAX_VARIABLE_NUMBER=250000 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_MAX_MMAP_SIZE=0
 -DSQLITE_TEMP_STORE=1 -DHAVE_USLEEP=1 -DHAVE_FDATASYNC=1 -DHAVE_GMTIME_R=1 -DHAVE_LOCALTIME_R=1
 -DHAVE_STRERROR_R=1 -DHAVE_POSIX_FALLOCATE=1"
if [ -z "${ISOLET_AGAIN:-}" ]; then
	# The amalgamation is made by programs of the build machine.
	CC=gcc ./configure --prefix=/usr --disable-tcl >/dev/null
	make -s sqlite3.c shell.c
	wasm32-isolet-cc -O2 -w $options -c sqlite3.c -o sqlite3.o
	wasm32-isolet-ar rcs libsqlite3.a sqlite3.o
	wasm32-isolet-cc -O2 -w $options -DHAVE_READLINE=1 -DSQLITE_HAVE_ZLIB=1 \
		-I. -I"$DEPS/usr/include" -c shell.c -o shell.o
fi
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 libsqlite3.a "$DEPS/usr/lib/"
install -m 644 sqlite3.h src/sqlite3ext.h "$DEPS/usr/include/"
ISOLET_STRICT=1 wasm32-isolet-cc shell.o libsqlite3.a -L"$DEPS/usr/lib" -lreadline -ltinfo -lz -o shell
wasm32-isolet-finish shell "$OUT/sqlite3.wasm"
