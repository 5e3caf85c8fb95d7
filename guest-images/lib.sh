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
# goes there. With ISOLET_AGAIN=1 the tree of the last build stays, compiled
# as it is, and only programs are linked again: after a change of the C library.
unpack() {
	if [ -n "${ISOLET_AGAIN:-}" ] && [ -d "$WORK/$1" ]; then
		cd "$WORK/$1"
		find . -type f ! -name '*.[oa]' ! -name '*.lo' -size +1k -exec sh -c '
			for f; do case $(head -c 4 "$f" | od -An -tx1) in " 00 61 73 6d") rm "$f" ;; esac; done' sh {} +
		return
	fi
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

# generated_is_new: what autotools made is taken for newer than what it was
# made from (patches change that), so that make does not make it again.
generated_is_new() {
	[ -n "${ISOLET_AGAIN:-}" ] || find . -name '*.in' -o -name configure -o -name aclocal.m4 | xargs touch
}

# cross ARGUMENTS: ./configure for the guest.
cross() {
	if [ -n "${ISOLET_AGAIN:-}" ] && [ -f config.status ]; then
		# Older than what recipes touch, make would configure anew, without our flags.
		for name in config.status Makefile 'stamp-h*'; do
			find . -name "$name" -exec touch {} +
		done
		return 0
	fi
	CC=wasm32-isolet-cc AR=wasm32-isolet-ar RANLIB=wasm32-isolet-ranlib \
		CC_FOR_BUILD="gcc -std=gnu17" BUILD_CC="gcc -std=gnu17" CFLAGS="${CFLAGS:--O2 -w}" \
		./configure --build=x86_64-pc-linux-gnu --host=wasm32-unknown-linux-musl \
		--prefix=/usr --sysconfdir=/etc --localstatedir=/var "$@"
}
