# What may be executed, setuid programs and scripts, and the messages.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
printf '#!/bin/sh\necho ran as $(id -un)\n' >s; ./s; echo "no x: $?"
chmod +x s; ./s; echo "x: $?"
chmod 111 s; ./s; echo "x without r: $?"
chmod 755 s; sudo ./s; sudo -u nobody ./s
chmod 600 s; sudo ./s; echo "root without any x: $?"
chmod 601 s; sudo ./s; echo "root with one x: $?"; chmod 755 s
mkdir d; ./d; echo "a directory: $?"
./none; echo "none: $?"
./s/x; echo "under a file: $?"
printf '#!/nosuch/interpreter\n' >i; chmod +x i; env ./i; echo "no interpreter: $?"
printf '#!%s\n' "$PWD/d" >j; chmod +x j; ./j 2>/dev/null; echo "interpreter is a directory: $?"
printf '#!%s\necho $0\n' "$PWD/s" >k; chmod +x k; ./k; echo "interpreter is a script: $?"
printf 'echo no first line; echo $0' >t; chmod +x t; ./t
: >e; chmod +x e; ./e; echo "empty: $?"
printf '\177ELF\1\1\1garbage' >b; chmod +x b; ./b 2>/dev/null; echo "a broken binary: $?"
printf '#!/bin/echo -a b\n' >a; chmod +x a; ./a c 'd e'
printf '#! /bin/sh -e\nfalse\necho not reached\n' >f; chmod +x f; ./f; echo "-e: $?"
echo "-- setuid"
sudo install -m 4755 -o root "$(readlink -f /usr/bin/env)" setuid_env; ls -l setuid_env | cut -c1-10
sudo install -m 755 /bin/bash plain; ./plain -p -c 'id -u'
sudo install -m 4755 /bin/bash suid; ./suid -p -c 'id -u; id -ru'; ./suid -c 'id -u'
sudo install -m 2755 -g daemon /bin/bash sgid; ./sgid -p -c 'id -gn; id -grn'; ./sgid -c 'id -gn'
sudo install -m 4755 -o nobody /bin/bash as_nobody; ./as_nobody -p -c 'id -un; id -run; grep ^Uid: /proc/self/status; touch by_nobody 2>/dev/null || touch /tmp/by_nobody; stat -c %U /tmp/by_nobody'
./suid -p -c 'kill -0 1 && echo root may signal the first'
sudo rm /tmp/by_nobody
sudo chown root s; sudo chmod 4755 s; ./s; echo "a setuid script is not: $?"
sudo chmod 4750 suid; sudo chgrp daemon suid; ./suid -p -c 'id -u' 2>/dev/null; echo "not for others: $?"
cp setuid_env copy 2>/dev/null; stat -c '%A %U' copy
sudo cp setuid_env copy2; stat -c '%A' copy2; sudo cp -p setuid_env copy3; stat -c '%A %U' copy3
sudo mv setuid_env moved; stat -c '%A %U' moved
sudo rm -rf "$PWD"
