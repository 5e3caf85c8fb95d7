#!/bin/sh
# Runs a script on this machine as a sandbox would: in namespaces of its own, where nothing that it does
# lasts. tests/it/twin.rs starts it, as the first process of those namespaces:
#
#   unshare --mount --pid --fork --kill-child --uts --ipc --net --propagation private twin.sh USER SCRIPT
#
# Its own: /proc, /tmp, /run, /home, /root, a loopback interface, a host name, and /etc, which is the
# machine's with what is written to it kept aside. USER is `user` (1000, may use sudo) or `root`.
set -eu
user=$1 script=$2
# Whoever started the tests may have lowered their priority; a sandbox knows nothing of that.
renice -n 0 -p $$ >/dev/null 2>&1 || true

mount -t proc proc /proc
mount -t tmpfs -o mode=755 twin /run
mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work twin /etc
for folder in /run /home; do mount -t tmpfs -o mode=755 twin "$folder"; done
mount -t tmpfs -o mode=700 twin /root
mount -t tmpfs -o mode=1777 twin /tmp
hostname isolet
ip link set lo up

# People: this machine's, but 1000 is `user` here as there.
for file in passwd group; do
    awk -F: '$1 != "user" && $3 != 1000' /etc/$file >/tmp/$file
done
echo 'user:x:1000:1000:user:/home/user:/bin/bash' >>/tmp/passwd
echo 'user:x:1000:' >>/tmp/group
sed -i 's/^sudo:.*/sudo:x:27:user/' /tmp/group
# PAM lets nobody in who has no line here.
umask 077
{ grep -v '^user:' /etc/shadow; echo 'user:*:20089:0:99999:7:::'; } >/tmp/shadow
{ grep -v '^user:\|^sudo:' /etc/gshadow; echo 'sudo:*::user'; echo 'user:!::'; } >/tmp/gshadow
umask 022
for file in passwd group shadow gshadow; do
    cat /tmp/$file >/etc/$file
    rm /tmp/$file
done
echo isolet >/etc/hostname
printf '127.0.0.1\tlocalhost\n127.0.1.1\tisolet\n::1\tlocalhost ip6-localhost ip6-loopback\n' >/etc/hosts
if [ -d /etc/sudoers.d ]; then
    echo 'user ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/user
    chmod 440 /etc/sudoers.d/user
fi
cp -R /etc/skel /home/user
chown -R 1000:1000 /home/user

case $user in
root) home=/root become='--reuid 0 --regid 0 --clear-groups' ;;
*) home=/home/user become='--reuid 1000 --regid 1000 --groups 1000,27' ;;
esac
cd "$home"
umask 022
ulimit -S -n 1024
ulimit -c 0
# What this shell says of a script that a signal ended is not the script's.
exec 3>&2 2>/dev/null
set +e
# shellcheck disable=SC2086 # options
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" USER="$user" \
    LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 \
    setsid setpriv $become /bin/bash -c "$script" 2>&3 3>&-
exit $?
