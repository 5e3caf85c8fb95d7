#!/bin/sh
# Builds CPython for isolet. Runs in the Debian root that guest-images/build makes (clang-21, lld, binaryen,
# python3.14, make, patch, zstd), with the sysroot installed as /opt/isolet.
#
# Environment: SRC, folder of the tarballs that the `sources` file here names; WORK, scratch, kept between runs;
# OUT, receives python3.14.wasm and python-tree/ (what is unpacked at /), each as it goes into the image.
# Afterwards, with the same OUT: pack.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sources=${SRC:-/src} work=${WORK:-/build}/cpython out=${OUT:-/out}
version=3.14.7
short=3.14
python_tar="$sources/python3.14_$version.orig.tar.xz"
PATH=${ISOLET_SYSROOT:-/opt/isolet}/bin:$PATH
cc=wasm32-isolet-cc
ar=wasm32-isolet-ar
jobs=${JOBS:-$(nproc)}
export LC_ALL=C SOURCE_DATE_EPOCH=0
export ISOLET_STACK=8388608 # Linux's default for the main thread
mkdir -p "$work" "$out"
prefix=$work/prefix
deps=${DEPS:-${WORK:-/build}/deps}/usr # libraries of the other recipes (the file `needs`)

# What os.setxattr() and its like want of the kernel's headers.
kernel_header() {
    mkdir -p "$prefix/include/linux"
    cp "$(dirname "$(command -v $cc)")/../kernel-headers/linux/limits.h" "$prefix/include/linux/"
}

unpack_python() {
    stamp=$(cat "$here"/patches/*.patch | sha256sum | cut -c1-16)
    [ -f "$work/python/.patched-$stamp" ] && return
    rm -rf "$work/python" "$work/python-build" "$work/python.profdata"
    mkdir -p "$work/python"
    tar -xf "$python_tar" -C "$work/python" --strip-components=1
    for patch in "$here"/patches/*.patch; do
        patch -s -p1 -d "$work/python" < "$patch"
    done
    touch "$work/python/.patched-$stamp"
}

# Every module is linked in; the one left out needs what is not there: other processes' memory.
configure_python() {
    [ -f "$work/python-build/Makefile" ] && return
    mkdir -p "$work/python-build/Modules"
    printf '%s\n' '*disabled*' _remote_debugging > "$work/python-build/Modules/Setup.local"
    (
        cd "$work/python-build"
        CONFIG_SITE="$here/config.site" MODULE_BUILDTYPE=static ../python/configure \
            --host=wasm32-unknown-linux-musl --build=x86_64-linux-gnu --with-build-python="$(command -v python$short)" \
            --prefix=/usr --disable-test-modules --disable-shared --without-ensurepip --without-mimalloc \
            --without-remote-debug --with-hash-algorithm=siphash13 --with-pkg-config=no --with-system-libmpdec=no \
            --with-openssl="$deps" --with-openssl-rpath=no --with-readline=readline \
            CC="$cc" CPP="$cc -E" AR=$ar RANLIB=wasm32-isolet-ranlib READELF=llvm-readelf-21 \
            OPT="-DNDEBUG -O3 -Wall" CFLAGS="-g0" CPPFLAGS="-I$prefix/include -I$deps/include" LDFLAGS="-L$deps/lib" \
            LIBS=-lpydantic_core LIBFFI_CFLAGS=-I"$deps/include" LIBFFI_LIBS=-lffi ZLIB_LIBS=-lz BZIP2_LIBS=-lbz2 LIBLZMA_LIBS=-llzma LIBZSTD_LIBS=-lzstd LIBSQLITE3_LIBS=-lsqlite3 \
            LIBREADLINE_LIBS="-lreadline -ltinfo" CURSES_LIBS="-lncursesw -ltinfo" PANEL_LIBS="-lpanelw -lncursesw -ltinfo" \
            > configure.log 2>&1 || { tail -20 configure.log; exit 1; }
    )
}

# What of the code is hot: counted by an interpreter for the machine that builds, of the same source and choices, while it
# runs the tests that CPython's own builds are profiled by. The compiler counts in the source, so the counts hold for any target.
profile_python() {
    [ -f "$work/python.profdata" ] && return
    rm -rf "$work/python-counted" "$work/counts"
    mkdir -p "$work/python-counted/Modules" "$work/counts"
    printf '%s\n' '*disabled*' _remote_debugging _ctypes > "$work/python-counted/Modules/Setup.local"
    (
        cd "$work/python-counted"
        export LLVM_PROFILE_FILE=/dev/null PYTHONHASHSEED=0
        MODULE_BUILDTYPE=static ../python/configure \
            --prefix=/usr --disable-test-modules --disable-shared --without-ensurepip --without-mimalloc \
            --without-remote-debug --with-hash-algorithm=siphash13 --with-pkg-config=no --with-system-libmpdec=no \
            --without-computed-gotos CC=/usr/lib/llvm-21/bin/clang OPT="-DNDEBUG -O1" CFLAGS="-g0 -w -fno-math-errno -fprofile-instr-generate" \
            LDFLAGS=-fprofile-instr-generate > counted.log 2>&1 &&
            make -j "$jobs" python pybuilddir.txt >> counted.log 2>&1 &&
            LLVM_PROFILE_FILE="$work/counts/%p.profraw" ./python -m test --pgo >> counted.log 2>&1
    ) || { tail -20 "$work/python-counted/counted.log"; exit 1; }
    /usr/lib/llvm-21/bin/llvm-profdata merge -o "$work/python.profdata" "$work"/counts/*.profraw
    rm -r "$work/counts"
}

# The pip that CPython bundles, with the patches in pip/: in the wheel, from which ensurepip fills virtual environments, and
# installed as ensurepip would.
install_pip() {
    wheel=$(echo "$lib"/ensurepip/_bundled/pip-*.whl)
    python$short -m zipfile -e "$wheel" "$lib/site-packages"
    for patch in "$here"/pip/*.patch; do
        patch -s -p1 -d "$lib/site-packages" < "$patch"
    done
    python$short "$here/pip/rewheel.py" "$lib/site-packages" "$wheel"
    for name in pip pip3 pip$short; do
        printf '%s\n' '#!/usr/bin/python3' 'import sys' 'from pip._internal.cli.main import main' \
            'if __name__ == "__main__":' '    sys.exit(main())' \
            > "$tree/usr/bin/$name"
    done
}

make_tree() {
    tree=$out/python-tree
    lib=$tree/usr/lib/python$short
    rm -rf "$tree"
    mkdir -p "$lib/lib-dynload" "$lib/site-packages" "$tree/usr/bin"
    (cd "$work/python/Lib" && tar -cf - --exclude=test --exclude=tests --exclude=idlelib --exclude=turtledemo \
        --exclude=lib2to3 --exclude=tkinter --exclude=turtle.py --exclude=__pycache__ \
        --exclude='*.pyc' --exclude=site-packages --exclude=_ios_support.py \
        --exclude=_android_support.py --exclude=_apple_support.py --exclude=_osx_support.py --exclude=_aix_support.py \
        --exclude='msilib' .) | tar -xf - -C "$lib"
    cp "$work/python-build/$(cat "$work/python-build/pybuilddir.txt")"/_sysconfigdata_*.py "$lib/"
    cp "$work/python/LICENSE" "$lib/LICENSE.txt"
    install_pip
    # Sources never change under the image, so their times need not be looked at.
    python$short -m compileall -q -j "$jobs" --invalidation-mode unchecked-hash -s "$tree" -p / "$lib"
    find "$tree" -type d -exec chmod 755 {} +
    find "$tree" -type f -exec chmod 644 {} +
    chmod 755 "$tree"/usr/bin/*
}

kernel_header
unpack_python
configure_python
profile_python
make_python() { make -C "$work/python-build" -j "$jobs" "$@" > "$work/make.log" 2>&1; }
{
    # Decimal arithmetic has other code for 32 bits than what was counted: 15 % slower by those counts.
    make_python Modules/_decimal/_decimal.o Modules/_decimal/libmpdec/libmpdec.a &&
    make_python CFLAGS_NODIST="-fprofile-instr-use=$work/python.profdata -Wno-profile-instr-out-of-date" python pybuilddir.txt
} || { grep -n -E ' error: |undefined symbol' "$work/make.log" | head -20; tail -5 "$work/make.log"; exit 1; }
wasm32-isolet-finish "$work/python-build/python" "$out/python$short.wasm"
make_tree
