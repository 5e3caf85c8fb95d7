#!/bin/sh
# The small programs of glibc (Debian's libc-bin) over musl: getconf, getent, iconv, locale. shim/ is what they
# take from the inside of glibc.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=262144

unpack glibc glibc_2.41.orig.tar.xz
# Apart from glibc's own headers.
rm -rf own
mkdir own
cp argp/argp*.[ch] posix/getopt.c posix/getopt1.c posix/getopt_int.h nss/getent.c version.h own/
cd own
flags="-O2 -w -fgnu89-inline -include $here/shim/config.h -I. -I$here/shim"
argp="argp-ba.c argp-eexst.c argp-fmtstream.c argp-fs-xinl.c argp-help.c argp-parse.c argp-pv.c argp-xinl.c getopt.c getopt1.c"

# getconf's names, but for those that musl has no number for.
printf '#include <unistd.h>\n#include "posix-conf-vars.h"\n' | wasm32-isolet-cc -D_GNU_SOURCE -I"$here/shim" -dM -E - | awk '{ print $2 }' >names
awk 'NR == FNR { known[$1] = 1; next }
	/^    \{ "[^"]*", _/ { split($0, part, ", "); sub(/,$/, "", part[2]); if (!(part[2] in known)) { cut = !/}/; next } }
	cut { cut = 0; next }
	{ sub(/"\.\.\/version.h"/, "\"version.h\""); print }' names ../posix/getconf.c >getconf.c
# locale without archive, with Debian's LANGUAGE; iconv without modules.
awk '/^\/\* Simple action function/ { out = 1; print "#include \"names.c\"" }
	/^\/\* Print a properly quoted/ { out = 0 }
	!out && !/locarchive|xmalloc|print_LC_|nameentcmp|write_archive/ { print }
	/print_assignment \("LANG",/ { print "  print_assignment (\"LANGUAGE\", getenv (\"LANGUAGE\") ?: \"\", false);" }' ../locale/programs/locale.c >locale.c
awk '/^\/\* Print all known character sets/ { exit }
	{ sub(/"\.\.\/version.h"/, "\"version.h\""); print }
	END { print "static void print_known_names (void) { print_encodings (stdout); }" }' ../iconv/iconv_prog.c >iconv_prog.c
python3 "$here/translit.py" .. >translit.h

export ISOLET_STRICT=1
wasm32-isolet-cc $flags -o getent getent.c "$here/shim/databases.c" "$here/shim/support.c" $argp
wasm32-isolet-cc $flags -o getconf getconf.c "$here/shim/support.c"
wasm32-isolet-cc $flags -o locale locale.c ../locale/programs/locale-spec.c "$here/shim/support.c" $argp
wasm32-isolet-cc $flags -o iconv iconv_prog.c "$here/shim/gconv.c" "$here/shim/support.c" $argp
for name in getconf getent iconv locale; do
	wasm32-isolet-finish $name "$OUT/$name.wasm"
done
