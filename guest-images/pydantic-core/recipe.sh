#!/bin/sh
# The native part of pydantic, in Rust: a static library, which CPython's recipe links into the interpreter, and its Python files, which
# python-packages brings. Debian's rustc builds its standard library for the guests first (wasm32-isolet-linux-musl.json, rust-library.patch).
# Environment: as for the other recipes (lib.sh); the source is in SRC, its crates in SRC/crates, where `build` puts them.
. "$(dirname "$0")/../lib.sh"
version=$(sed -n 's/^pydantic-core==\([^ ]*\) .*/\1/p' "$here/sdists.txt")
work=$WORK/pydantic-core
target=wasm32-isolet-linux-musl

# All crates in one folder, the standard library's among them; libc as it is patched there.
make_vendor() {
	rm -rf "$work/library" "$work/vendor" "$work/cargo"
	mkdir -p "$work/cargo"
	cp -r /usr/src/rustc-*/library "$work/library"
	patch -s -p1 -d "$work/library" <"$here/rust-library.patch"
	cp -r "$SRC/crates" "$work/vendor"
	cp -rn "$work/library/vendor/." "$work/vendor/"
	for libc in "$work"/library/vendor/libc-*; do
		rm -rf "$work/vendor/${libc##*/}"
		cp -r "$libc" "$work/vendor/"
		sed -i 's/"files":{[^}]*}/"files":{}/' "$work/vendor/${libc##*/}/.cargo-checksum.json"
	done
	printf '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "%s"\n' "$work/vendor" >"$work/cargo/config.toml"
}

# licences: the texts of the crates that are linked (of several, not Apache's), and of Rust's library.
licences() {
	cargo tree --offline --locked --target "$here/$target.json" -Zjson-target-spec -e normal,no-proc-macro --prefix none --format '{p}' |
		sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1-\2/p' | grep -v '^pydantic-core-' | LC_ALL=C sort -u | while read -r crate; do
		for text in "$work/vendor/$crate"/LICEN[CS]E*; do
			case $text in *APACHE*) [ ! -f "${text%APACHE*}MIT" ] || continue ;; esac
			[ ! -f "$text" ] || { printf '==== %s: %s\n\n' "$crate" "${text##*/}" && cat "$text"; }
		done
	done
	printf "==== Rust: LICENSE-MIT\n\n"
	cat /usr/src/rustc-*/LICENSE-MIT
}

unpack pydantic-core/source "pydantic_core-$version.tar.gz"
sed -i 's/^crate-type = .*/crate-type = ["staticlib"]/' Cargo.toml
make_vendor
export CARGO_HOME="$work/cargo" CARGO_TARGET_DIR="$work/target" RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$work/library" \
	RUST_LIBC_UNSTABLE_MUSL_V1_2_3=1 PYO3_CONFIG_FILE="$here/pyo3.cfg" RUSTFLAGS="--remap-path-prefix=$work="
cargo build -q --offline --locked --release -j "$JOBS" --lib --target "$here/$target.json" -Zjson-target-spec \
	-Zbuild-std=std,panic_abort -Zbuild-std-features=
install -d "$DEPS/usr/lib" "$DEPS/usr/share/pydantic-core"
install -m 644 "$work/target/$target/release/lib_pydantic_core.a" "$DEPS/usr/lib/libpydantic_core.a"
cp -r PKG-INFO LICENSE python/pydantic_core "$DEPS/usr/share/pydantic-core/"
licences >"$images/licenses/pydantic-core"
