# Rules in /etc/sudoers.d, visudo's check of them, and what is refused.
# needs: sudo
# user: root
export LC_ALL=C
useradd -m -s /bin/sh ann
as() { su ann -s /bin/sh -c "$1"; }
cd / || exit
echo "-- no rule"
as 'sudo -n id -un'; echo "exit: $?"
echo 'ann ALL=(root) NOPASSWD: /usr/bin/id' >/etc/sudoers.d/ann; chmod 440 /etc/sudoers.d/ann
echo "-- one command"
as 'sudo -n id -un'; echo "exit: $?"
as 'sudo -n /usr/bin/id -u'; echo "exit: $?"
as 'sudo -n cat /etc/shadow'; echo "exit: $?"
as 'sudo -n -u nobody id' ; echo "exit: $?"
echo 'ann ALL=(nobody) NOPASSWD: /usr/bin/id -un, !/usr/bin/id -u' >/etc/sudoers.d/ann
echo "-- with arguments, as nobody only"
as 'sudo -n -u nobody id -un'; echo "exit: $?"
as 'sudo -n -u nobody id -u' >/dev/null 2>&1; echo "exit: $?"
as 'sudo -n id -un' >/dev/null 2>&1; echo "exit: $?"
echo 'ann ALL=(ALL) NOPASSWD: ALL
Defaults:ann env_keep += "KEPT", !secure_path' >/etc/sudoers.d/ann
echo "-- Defaults of one user"
as 'KEPT=1 LOST=2 sudo -n env' | grep -E '^(KEPT|LOST)='
echo 'ann ALL=(ALL) ALL' >/etc/sudoers.d/ann
echo "-- a password would be needed"
as 'sudo -n id' >/dev/null 2>&1; echo "exit: $?"
echo "-- groups and aliases"
groupadd ops; usermod -aG ops ann
printf 'Cmnd_Alias WHO = /usr/bin/id, /usr/bin/whoami\nUser_Alias PEOPLE = %%ops\nPEOPLE ALL = NOPASSWD: WHO\n' >/etc/sudoers.d/ann
as 'sudo -n whoami'; as 'sudo -n true' >/dev/null 2>&1; echo "exit: $?"
echo "-- visudo"
visudo -c -q; echo "check: $?"
printf 'ann ALL = (ALL\n' >/tmp/bad; visudo -c -q -f /tmp/bad >/dev/null 2>&1; echo "check of a bad one: $?"
printf 'ann ALL = NOPASSWD: ALL\n' >/tmp/good; visudo -c -f /tmp/good; echo "check of a good one: $?"
echo "-- names with a dot are not read"
mv /etc/sudoers.d/ann /etc/sudoers.d/ann.off
as 'sudo -n whoami' >/dev/null 2>&1; echo "exit: $?"
