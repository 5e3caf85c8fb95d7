#!/bin/sh
# sudo with the sudoers policy built in: no PAM, no SELinux, no plugins loaded
# at run time. Also visudo. Debian's patches are not used (its archive no
# longer has them for this version); its configuration options are.
. "$(dirname "$0")/../lib.sh"
# sudo forks where it watches a command (use_pty, sudoedit, -b, timeouts);
# otherwise it becomes the command.
export ISOLET_FORK=65536

unpack sudo sudo_1.9.17p2.orig.tar.gz
# What configure would find out by running programs.
export sudo_cv_func_unsetenv_void=no sudo_cv_func_fnmatch=yes
cross --disable-nls --disable-shared --enable-static-sudoers --disable-shared-libutil \
	--without-pam --without-selinux --without-sssd --without-ldap --disable-openssl \
	--disable-python --without-aixauth --without-bsdauth --disable-sasl \
	--enable-zlib=no --disable-log-server --disable-log-client --disable-intercept \
	--with-env-editor --with-editor=/usr/bin/editor --with-exampledir=/usr/share/doc/sudo/examples \
	--with-timeout=15 --with-password-timeout=0 --disable-root-mailer --without-sendmail \
	--with-rundir=/run/sudo --libexecdir=/usr/lib --with-passprompt="[sudo] password for %p: " \
	--with-tty-tickets --without-lecture --disable-pie --disable-hardening \
	--without-noexec --with-secure-path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
make -s -j"$JOBS"
rm -f src/sudo plugins/sudoers/visudo
ISOLET_STRICT=1 make -s -C src sudo
wasm32-isolet-finish --fork src/sudo "$OUT/sudo.wasm"
ISOLET_STRICT=1 make -s -C plugins/sudoers visudo
wasm32-isolet-finish --fork plugins/sudoers/visudo "$OUT/visudo.wasm"
