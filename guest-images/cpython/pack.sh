#!/bin/sh
# Turns what recipe.sh made into blobs and writes guest-images/python/image.toml.
#
# Environment: OUT, as for recipe.sh. Blobs are named by the SHA-256 of their uncompressed content; same input, same blob.
set -eu
images=$(cd "$(dirname "$0")/.." && pwd)
out=${OUT:-/out}
version=3.14.7
blobs=$images/blobs
mkdir -p "$blobs" "$images/python"

hash() { sha256sum "$1" | cut -d' ' -f1; }

# The ones before, if this makes others.
[ ! -f "$images/python/image.toml" ] || sed -n 's/^blob = "\(.*\)"$/\1/p' "$images/python/image.toml" |
    while read -r old; do rm -f "$blobs/$old".*; done

program=$(hash "$out/python3.14.wasm")
zstd -q -19 -f "$out/python3.14.wasm" -o "$blobs/$program.wasm.zst"

tar -C "$out/python-tree" --sort=name --mtime=@1735689600 --owner=0 --group=0 --numeric-owner --format=ustar \
    -cf "$out/python-tree.tar" usr
tree=$(hash "$out/python-tree.tar")
zstd -q -19 -f "$out/python-tree.tar" -o "$blobs/$tree.tar.zst"

cat > "$images/python/image.toml" <<TOML
abi = 1
name = "python"
base = "base"

[[tree]]
blob = "$tree"

[[program]]
path = "/usr/bin/python3.14"
blob = "$program"
version = "$version"
links = ["/usr/bin/python3", "/usr/bin/python"]
TOML
ls -l "$blobs/$program.wasm.zst" "$blobs/$tree.tar.zst"
