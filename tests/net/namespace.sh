#!/usr/bin/env bash
# Runs a command "inside": in a network namespace whose only way out is a veth pair to a second
# namespace, "outside", which owns every address a test wants to put a canary on.
#
#   unshare [--user --map-root-user] --net --mount namespace.sh NAMESERVER CMD...
#
# Not a test by itself: tests/it/namespace.rs starts it, and tests bind their canaries in Rust.
#
#   inside  45.67.89.2, 2a01:4f8:1::2  inside0 ---- outside0  45.67.89.1, 2a01:4f8:1::1  outside
#
# NAMESERVER is what /etc/resolv.conf names inside; nothing outside this mount namespace sees it.
set -euo pipefail
nameserver=$1
shift

mount --make-rprivate /
mount -t tmpfs tmpfs /run
resolv=$(readlink -f /etc/resolv.conf)
mkdir -p "$(dirname "$resolv")"
[ -e "$resolv" ] || : >"$resolv"
printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$nameserver" >/run/isolet-resolv.conf
mount --bind /run/isolet-resolv.conf "$resolv"

# Public-range addresses first, then one of each special-purpose range of the egress policy.
v4=(1.1.1.1 8.8.8.8 9.9.9.9
    10.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.0.0.1 192.0.2.1 192.31.196.1 192.52.193.1
    192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 198.51.100.1 203.0.113.1 240.0.0.1)
v6=(2606:4700:4700::1111
    ::7f00:1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::a00:1 100::1 2001::1 2001:db8::1
    2002:7f00:1:: 2002:a00:1::1 2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fec0::1)

mkdir -p /run/netns
ip netns add outside
ip link set lo up
ip -n outside link set lo up
ip link add inside0 type veth peer name outside0 netns outside
ip address add 45.67.89.2/24 dev inside0
ip -6 address add 2a01:4f8:1::2/64 dev inside0 nodad
ip -n outside address add 45.67.89.1/24 dev outside0
ip -n outside -6 address add 2a01:4f8:1::1/64 dev outside0 nodad
ip -n outside -6 address add fe80::1/64 dev outside0 nodad
for address in "${v4[@]}"; do ip -n outside address add "$address/32" dev lo; done
for address in "${v6[@]}"; do ip -n outside -6 address add "$address/128" dev lo nodad; done
ip -n outside link set outside0 up
ip link set inside0 up
ip route add default via 45.67.89.1
ip -6 route add default via 2a01:4f8:1::1
exec "$@"
