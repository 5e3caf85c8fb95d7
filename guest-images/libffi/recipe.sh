#!/bin/sh
# libffi: the types of ctypes, and calls as far as there are any (closures.c), as a static library for cpython.
. "$(dirname "$0")/../lib.sh"

unpack libffi libffi_3.8.0.orig.tar.gz
# What its configure would find; its own target code is for JavaScript hosts.
sed -e 's/@VERSION@/3.8.0/; s/@TARGET@/WASM/; s/@HAVE_LONG_DOUBLE@/1/; s/@FFI_EXEC_TRAMPOLINE_TABLE@/0/' \
	-e 's/@FFI_VERSION_STRING@/3.8.0/; s/@FFI_VERSION_NUMBER@/30800/' include/ffi.h.in >include/ffi.h
cp src/wasm/ffitarget.h include/
printf '#define %s 1\n' HAVE_LONG_DOUBLE HAVE_ALLOCA_H HAVE_MEMCPY STDC_HEADERS >include/fficonfig.h
echo '#define FFI_HIDDEN __attribute__((visibility("hidden")))' >>include/fficonfig.h
for source in src/types.c src/prep_cif.c "$here/closures.c"; do
	wasm32-isolet-cc -O2 -Wall -Iinclude -c "$source" -o "$(basename "$source" .c).o"
done
rm -f libffi.a
wasm32-isolet-ar rcs libffi.a types.o prep_cif.o closures.o
install -d "$DEPS/usr/lib" "$DEPS/usr/include"
install -m 644 libffi.a "$DEPS/usr/lib/"
install -m 644 include/ffi.h include/ffitarget.h "$DEPS/usr/include/"
