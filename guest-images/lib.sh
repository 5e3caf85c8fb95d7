# What recipes share. Sourced by NAME/recipe.sh, which runs inside the build
# root with: SRC (downloaded sources), WORK (scratch), OUT (finished programs),
# DEPS (static libraries and headers that other recipes use).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
images=$(dirname "$here")
SRC=${SRC:-/src}
WORK=${WORK:-/build}
OUT=${OUT:-/out}
DEPS=${DEPS:-$WORK/deps}
JOBS=${JOBS:-$(nproc)}
PATH=/opt/isolet/bin:$PATH
export PATH
mkdir -p "$OUT" "$DEPS"

# unpack NAME ORIG [DEBIAN]: fresh $WORK/NAME from the files of $SRC, with
# Debian's patches (if DEBIAN is given; not those in SKIP_PATCHES) and ours;
# goes there.
unpack() {
	rm -rf "${WORK:?}/$1"
	mkdir -p "$WORK/$1"
	tar -xf "$SRC/$2" -C "$WORK/$1" --strip-components=1
	cd "$WORK/$1"
	if [ -n "${3:-}" ]; then
		tar -xf "$SRC/$3"
		if [ -f debian/patches/series ]; then
			sed 's/#.*//; s/[[:space:]].*//' debian/patches/series | while read -r p; do
				case " ${SKIP_PATCHES:-} " in *" $p "*) continue ;; esac
				[ -z "$p" ] || patch -s -p1 <"debian/patches/$p"
			done
		fi
	fi
	for p in "$here"/patches/*.patch; do
		[ -f "$p" ] && patch -s -p1 <"$p"
	done
	return 0
}

# cross ARGUMENTS: ./configure for the guest.
cross() {
	CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib \
		CC_FOR_BUILD="gcc -std=gnu17" BUILD_CC="gcc -std=gnu17" CFLAGS="${CFLAGS:--O2 -w}" \
		./configure --build=x86_64-pc-linux-gnu --host=wasm32-unknown-linux-musl \
		--prefix=/usr --sysconfdir=/etc --localstatedir=/var "$@"
}
