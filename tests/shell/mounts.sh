# What is mounted, and that users mount nothing: mount, umount, mountpoint, findmnt.
mountpoint /proc; mountpoint -q /proc && echo quiet; mountpoint /usr/bin; echo "exit $?"; mountpoint -q /etc/passwd; echo "exit $?"; mountpoint /nonexistent; echo "exit $?"; mountpoint; echo "exit $?"
mountpoint -d /proc | grep -c '^[0-9]*:[0-9]*$'; mountpoint / /proc; echo "exit $?"
mount | grep -q "^proc on /proc type proc (" && echo listed; mount -t proc | grep -q " /proc " && echo by type; mount -t nosuchfs | grep -c nosuchfs
mount -t tmpfs none /mnt; echo "exit $?"; mount /nonexistent; echo "exit $?"; mount --bind /usr /mnt; echo "exit $?"; mount -o remount,ro /; echo "exit $?"
umount /proc; echo "exit $?"; umount /usr; echo "exit $?"; umount; echo "exit $?"
findmnt -n -o FSTYPE /proc | sort -u; findmnt /usr; echo "exit $?"; findmnt -n -l -o TARGET,FSTYPE | grep -w devpts | sort -u | tr -s ' '; findmnt --bad 2>&1 | head -n 1
awk '$2 == "/proc" { print $3 }' /proc/mounts | sort -u; awk '$5 == "/proc" { print $(NF-2) }' /proc/self/mountinfo | sort -u
