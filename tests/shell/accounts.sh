# useradd, usermod, userdel, groupadd, groupmod, groupdel and what they leave in /etc.
# user: root
cd /tmp || exit
groupadd -g 2000 dev; echo "groupadd: $?"
groupadd dev; echo "again: $?"
groupadd -g 2000 other 2>/dev/null; echo "same number: $?"
groupadd -o -g 2000 other; echo "same number, -o: $?"; groupdel other
useradd -m -u 2001 -g dev -G users -s /bin/sh -c 'Ann A.' ann; echo "useradd: $?"
useradd ann; echo "again: $?"
useradd -u 2001 twin 2>/dev/null; echo "same number: $?"
useradd -g nosuch bob 2>/dev/null; echo "no such group: $?"
useradd -s relative bob 2>/dev/null; echo "bad shell: $?"
useradd 'bad:name' 2>/dev/null || echo "a bad name"
useradd -m -k /nonexistent -d /home/bobs -e 2030-01-01 -f 7 bob; echo "useradd: $?"
useradd -r svc; echo "system: $?"; [ "$(id -u svc)" -lt 1000 ] && echo "its number is a system's"
grep -E '^(ann|bob):' /etc/passwd | sed 's/^bob:x:[0-9]*:[0-9]*/bob:x:N:N/'
grep -E '^(ann|bob|dev|users):' /etc/group | sed 's/^bob:x:[0-9]*/bob:x:N/'
grep -E '^(ann|bob):' /etc/shadow | sed -E 's/^([a-z]*:!):[0-9]*:/\1:DAY:/'
id ann; groups ann
ls -lAd /home/ann /home/bobs | awk "{ print \$3, \$4, \$NF }"
ls -A /home/ann
echo 'ann:s3cret' | chpasswd; echo "chpasswd: $?"
grep -c '^ann:\$' /etc/shadow
passwd -S ann | cut -d' ' -f1,2
passwd -l ann >/dev/null; passwd -S ann | cut -d' ' -f1,2
passwd -u ann >/dev/null; passwd -S ann | cut -d' ' -f1,2
passwd -d ann >/dev/null; passwd -S ann | cut -d' ' -f1,2
echo "nobody_there:x" | chpasswd 2>/dev/null; echo "chpasswd of none: $?"
usermod -aG sudo,audio ann; id -Gn ann
usermod -G dev ann; id -Gn ann
usermod -s /bin/bash -c 'New Name' -d /home/new -m ann; grep '^ann:' /etc/passwd; ls -d /home/ann /home/new 2>&1
usermod -l anna ann; id -un 2001
usermod -L anna; passwd -S anna | cut -d' ' -f2
usermod nosuch; echo "usermod of none: $?"
chsh -s /bin/dash anna 2>/dev/null; usermod -s /bin/sh anna; grep '^anna:' /etc/passwd | cut -d: -f7
groupmod -n devs dev; grep 2000 /etc/group
groupmod -g 2500 devs; grep '^devs' /etc/group; id -g anna
groupdel devs; echo "a user's first group: $?"
groupdel nosuch; echo "none: $?"
gpasswd -a anna audio; id -Gn anna
gpasswd -d anna audio; id -Gn anna
gpasswd -d anna audio; echo "not in it: $?"
userdel anna; echo "userdel: $?"; ls -d /home/new
userdel -r bob 2>/dev/null; echo "userdel -r: $?"; ls -d /home/bobs 2>&1
userdel nosuch; echo "none: $?"
groupdel devs; echo "groupdel: $?"
