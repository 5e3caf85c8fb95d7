#!/bin/sh
# Turns what recipe.sh made into blobs and writes guest-images/python/image.toml.
#
#     pack.sh OUT IMAGES       (OUT of recipe.sh; IMAGES is the folder guest-images)
set -eu
out=$1 images=$2
version=3.14.7
blobs=$images/blobs
mkdir -p "$blobs" "$images/python"

hash() { sha256sum "$1" | cut -d' ' -f1; }

program=$(hash "$out/python3.14.wasm")
zstd -q -19 -f "$out/python3.14.wasm" -o "$blobs/$program.wasm.zst"

tar -C "$out/tree" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=pax \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$out/tree.tar" .
tree=$(hash "$out/tree.tar")
zstd -q -19 -f "$out/tree.tar" -o "$blobs/$tree.tar.zst"

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
