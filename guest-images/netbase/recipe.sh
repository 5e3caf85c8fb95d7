#!/bin/sh
# The names of services, protocols and RPC programs.
. "$(dirname "$0")/../lib.sh"

unpack netbase netbase_6.5.tar.xz
rm -rf "$OUT/netbase.tree"
install -d "$OUT/netbase.tree/etc"
install -m 644 etc/services etc/protocols etc/rpc etc/ethertypes "$OUT/netbase.tree/etc"
