#!/bin/sh
# ping of iputils. It cannot ping from a sandbox (raw and ICMP sockets are
# refused) and says so; the rest of iputils could do nothing and is not here.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=262144

unpack iputils iputils_20250605.orig.tar.xz
# What its meson.build would find.
cat >config.h <<'END'
#define PACKAGE_NAME "iputils"
#define PACKAGE_VERSION "20250605"
#define IPUTILS_VERSION(prog) "%s from %s %s\n", prog, PACKAGE_NAME, PACKAGE_VERSION
#define HAVE_GETRANDOM 1
#define HAVE_NANOSLEEP 1
#define HAVE_SYS_RANDOM_H 1
#define HAVE_STRUCT_ICMP6_NODEINFO 1
END
: >git-version.h
ISOLET_STRICT=1 wasm32-isolet-cc -O2 -w -D_GNU_SOURCE -include config.h -I. -Iping \
	-idirafter /opt/isolet/kernel-headers -o ping.out \
	ping/ping.c ping/ping_common.c ping/ping6_common.c ping/node_info.c iputils_common.c md5.c
wasm32-isolet-finish ping.out "$OUT/ping.wasm"
