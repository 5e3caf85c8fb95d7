#!/bin/sh
# OpenBSD's netcat as Debian has it (without TLS), with the few functions it
# takes from libbsd.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=262144

bsd=$WORK/netcat-libbsd
rm -rf "$bsd"
mkdir -p "$bsd"
tar -xf "$SRC/libbsd_0.12.2.orig.tar.xz" -C "$bsd" --strip-components=1
unpack netcat netcat-openbsd_1.238.orig.tar.gz netcat-openbsd_1.238-1.debian.tar.xz
for f in strtonum strtoi readpassphrase arc4random arc4random_uniform; do
	wasm32-isolet-cc -O2 -w -c -D_GNU_SOURCE -DLIBBSD_OVERLAY -isystem "$bsd/include/bsd" \
		-include "$bsd/include/bsd/stdlib.h" -include "$bsd/include/bsd/inttypes.h" -o "$f.o" "$bsd/src/$f.c"
done
# Two classes of RFC 5865 and RFC 8622 that musl's headers do not know.
ISOLET_STRICT=1 wasm32-isolet-cc -O2 -w -D_GNU_SOURCE -DDEBIAN_VERSION='"1.238-1"' \
	-DIPTOS_DSCP_VA=0xb0 -DIPTOS_DSCP_LE=0x04 -I"$bsd/include" \
	-idirafter /opt/isolet/kernel-headers -o nc netcat.c atomicio.c socks.c ./*.o
wasm32-isolet-finish nc "$OUT/nc.openbsd.wasm"
