#!/bin/sh
# Turns what recipe.sh made into blobs and writes guest-images/python/image.toml.
#
# Environment: OUT, as for recipe.sh. Blobs are named by the SHA-256 of their uncompressed content; same input, same blob.
#
# The library is two trees: the one whose digest is in the file `library`, and over it what is different now, so that a change of
# ours is a blob of a few kilobytes. Without that file (`rm library`) the whole is packed anew and noted there, as is due
# with another version of CPython.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
images=$(dirname "$here")
out=${OUT:-/out}
version=3.14.7
blobs=$images/blobs
mkdir -p "$blobs" "$images/python"

hash() { sha256sum "$1" | cut -d' ' -f1; }

packages=$(cat "$images/python-packages/tree")
library=$(cat "$here/library" 2>/dev/null || true)

# The ones before, if this makes others.
[ ! -f "$images/python/image.toml" ] || sed -n 's/^blob = "\(.*\)"$/\1/p' "$images/python/image.toml" |
    while read -r old; do
        case $old in "$packages" | "$library") ;; *) rm -f "$blobs/$old".* ;; esac
    done

program=$(hash "$out/python3.14.wasm")
zstd -q -19 -f "$out/python3.14.wasm" -o "$blobs/$program.wasm.zst"

tar -C "$out/python-tree" --sort=name --mtime=@1735689600 --owner=0 --group=0 --numeric-owner --format=ustar \
    -cf "$out/python-tree.tar" usr
changes=
if [ -n "$library" ]; then
    zstd -q -d -f "$blobs/$library.tar.zst" -o "$out/python-library.tar"
    python3 "$here/delta.py" "$out/python-library.tar" "$out/python-tree.tar" "$out/python-changes.tar" || {
        echo "pack.sh: remove $here/library, so that the library is packed anew" >&2
        exit 1
    }
    changes=$(hash "$out/python-changes.tar")
    zstd -q -19 -f "$out/python-changes.tar" -o "$blobs/$changes.tar.zst"
else
    library=$(hash "$out/python-tree.tar")
    zstd -q -19 -f "$out/python-tree.tar" -o "$blobs/$library.tar.zst"
    echo "$library" > "$here/library"
fi

tree() { printf '[[tree]]\nblob = "%s"\n\n' "$1"; }
{
    printf 'abi = 1\nname = "python"\nbase = "base"\n\n'
    tree "$library"
    [ -z "$changes" ] || tree "$changes"
    tree "$packages"
    cat <<TOML
[[program]]
path = "/usr/bin/python3.14"
blob = "$program"
version = "$version"
eager = true
start_image = true
links = ["/usr/bin/python3", "/usr/bin/python"]
TOML
} > "$images/python/image.toml"
ls -l "$blobs/$program.wasm.zst" "$blobs/$library.tar.zst" ${changes:+"$blobs/$changes.tar.zst"}
