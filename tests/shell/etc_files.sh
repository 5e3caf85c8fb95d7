# What programs look up in /etc: services, protocols, accounts, shells, the system's name.
for name in ssh http https smtp domain ntp imaps postgresql mysql redis git; do grep -E "^$name[[:space:]]" /etc/services | tr -s '\t ' ' ' | cut -d' ' -f1,2 | sort; done
for name in ip icmp tcp udp ipv6 ipv6-icmp sctp; do grep -E "^$name[[:space:]]" /etc/protocols | tr -s '\t ' ' ' | cut -d' ' -f1-3; done
for user in root daemon bin sys games man lp mail news uucp proxy www-data backup list irc nobody; do id "$user"; grep "^$user:" /etc/passwd; done
for group in adm tty disk kmem dialout cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff games users nogroup; do grep "^$group:" /etc/group | cut -d: -f1-3; done
stat -c '%A %U %G %n' /etc /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers.d /etc/profile /etc/profile.d /etc/skel /etc/skel/.bashrc /etc/skel/.profile /etc/skel/.bash_logout /etc/inputrc /etc/login.defs /etc/default/useradd
stat -c '%A %U %G %n' / /bin /home /home/user /media /mnt /opt /proc /root /run /sbin /srv /tmp /usr /usr/bin /usr/games /usr/lib /usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/sbin /usr/share /usr/src /var /var/backups /var/cache /var/lib /var/local /var/lock /var/log /var/mail /var/opt /var/run /var/spool /var/tmp
readlink /bin /sbin /lib /var/run /var/lock /etc/mtab /etc/localtime /var/spool/mail
grep -cx /bin/bash /etc/shells; grep -cx /bin/sh /etc/shells
. /etc/os-release; [ -n "$NAME" ] && [ -n "$PRETTY_NAME" ] && [ -n "$ID" ] && echo "it has a name"; case " $ID $ID_LIKE " in *' debian '*) echo "like Debian" ;; esac
for key in UID_MIN UID_MAX GID_MIN PASS_MAX_DAYS USERGROUPS_ENAB ENV_PATH; do grep -E "^$key[[:space:]]" /etc/login.defs | tr -s '\t ' ' '; done
grep -c . /etc/nsswitch.conf >/dev/null && echo nsswitch; cat /etc/hostname; grep -w localhost /etc/hosts | head -n 1
ls -A /etc/skel; cat /etc/timezone
