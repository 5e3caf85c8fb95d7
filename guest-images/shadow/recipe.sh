#!/bin/sh
# shadow: su, passwd, useradd and their like, without PAM, as one program that
# looks at the name it is called by: they share most of their code. It lies at
# two paths, setuid at one of them.
. "$(dirname "$0")/../lib.sh"
# newgrp, vipw and useradd fork.
export ISOLET_FORK=32768 ISOLET_STACK=262144
programs="chage chfn chgpasswd chpasswd chsh expiry gpasswd groupadd groupdel groupmems groupmod
	grpck grpconv grpunconv newgrp newusers nologin passwd pwck pwconv pwunconv su
	useradd userdel usermod vipw"

unpack shadow shadow_4.17.4.orig.tar.xz shadow_4.17.4-2.debian.tar.xz
touch aclocal.m4 configure Makefile.in lib/Makefile.in src/Makefile.in config.h.in
export ac_cv_func_ruserok=no shadow_cv_maildir=/var/mail shadow_cv_passwd_dir=/usr/bin
CFLAGS='-O2 -w -DDEFAULT_EDITOR="\"editor\""' cross --bindir=/usr/bin --sbindir=/usr/sbin \
	--disable-nls --disable-shared --enable-static --enable-shadowgrp --disable-man \
	--disable-account-tools-setuid --disable-subordinate-ids --disable-lastlog --disable-logind \
	--without-libpam --without-audit --without-selinux --without-acl --without-attr --without-btrfs \
	--without-libbsd --without-skey --without-tcb --without-nscd --without-sssd --with-su \
	--with-group-name-max-length=32 --disable-dependency-tracking
make -s -j"$JOBS" -C lib

# Each main() becomes main_PROGRAM; nologin's has no parameters, all others two.
sed -i 's/^int main (void)/int main (int argc, char **argv)/' src/nologin.c
for p in $programs; do
	make -s -C src "$p.o" CPPFLAGS="-Dmain=main_$p"
done
make -s -C src suauth.o
for p in $programs; do
	echo "PROGRAM($p)"
done >programs.h
wasm32-isolet-cc -O2 -I. -c -o src/main.o "$here/main.c"
(
	cd src
	set -- main.o suauth.o
	for p in $programs; do set -- "$@" "$p.o"; done
	ISOLET_STRICT=1 wasm32-isolet-cc -O2 -o ../shadow "$@" ../lib/.libs/libshadow.a -lcrypt
)
wasm32-isolet-finish --fork shadow "$OUT/su.wasm"
cp "$OUT/su.wasm" "$OUT/useradd.wasm"

tree=$OUT/shadow.tree
rm -rf "$tree"
install -d "$tree/etc/default"
install -m 644 debian/default/useradd "$tree/etc/default/useradd"
# yescrypt is not in musl's crypt(); what only PAM looks at is nobody's here.
sed 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD SHA512/' etc/login.defs >"$tree/etc/login.defs"
chmod 644 "$tree/etc/login.defs"
