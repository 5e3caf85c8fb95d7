#!/bin/sh
# ss of iproute2. ip and tc are not built: all they do goes through netlink,
# which the kernel refuses. ss reads /proc/net then.
. "$(dirname "$0")/../lib.sh"
export ISOLET_STACK=524288

unpack iproute2 iproute2_7.2.0.orig.tar.xz
# What its configure would find; -w: it asks for many warnings.
printf '%s\n' 'YACC:=bison' 'HAVE_SETNS:=y' \
	'CFLAGS += -DHAVE_SETNS -DHAVE_HANDLE_AT -DHAVE_STRLCPY -idirafter /opt/isolet/kernel-headers -w' \
	'%.o: %.c' '	$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<' >config.mk
set -- CC=wasm32-isolet-cc AR=wasm32-isolet-ar HOSTCC=gcc CONF_COLOR=COLOR_OPT_NEVER SHARED_LIBS=n
make -s -j"$JOBS" "$@" SUBDIRS=lib
ISOLET_STRICT=1 make -s "$@" SUBDIRS=misc TARGETS=ss
wasm32-isolet-finish misc/ss "$OUT/ss.wasm"
