# Account commands refuse an ordinary user.
useradd bob >/dev/null 2>&1; echo "useradd: $?"
userdel user >/dev/null 2>&1; echo "userdel: $?"
usermod -aG root user >/dev/null 2>&1; echo "usermod: $?"
groupadd g >/dev/null 2>&1; echo "groupadd: $?"
groupdel users >/dev/null 2>&1; echo "groupdel: $?"
echo user:x | chpasswd >/dev/null 2>&1; echo "chpasswd: $?"
passwd -S root >/dev/null 2>&1; echo "passwd -S root: $?"
passwd -d user >/dev/null 2>&1; echo "passwd -d: $?"
cat /etc/shadow; echo "shadow: $?"
cat /etc/gshadow; echo "gshadow: $?"
cat /etc/sudoers; echo "sudoers: $?"
echo x >>/etc/passwd; echo "append to passwd: $?"
id; id -u; id -g; id -Gn; id -un; groups; whoami
id root; id -G root; id nosuch; echo "id: $?"
id user root 2>/dev/null | wc -l
groups nosuch; echo "groups: $?"
/usr/sbin/nologin; echo "nologin: $?"
logname 2>/dev/null || echo "no login name"
ls -l /etc/passwd /etc/group /etc/shadow | awk '{ print $1, $3, $4, $NF }'
stat -c '%A %U %G %n' -L /usr/bin/sudo /usr/bin/passwd /usr/bin/su
