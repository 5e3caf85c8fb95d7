# What takes room, what belongs to whom, and permissions repaired.
set -eu
umask 022
cd "$(mktemp -d)"
mkdir -p app/{bin,lib,var/log}; head -c 4096 /dev/zero > app/lib/core.so; echo '#!/bin/sh' > app/bin/tool
for i in 1 2 3; do yes "log line $i" | head -n $((i * 100)) > "app/var/log/app.log.$i"; done
chmod 777 app/var/log/app.log.1; chmod 600 app/bin/tool
echo "== sizes"; find app -type f -printf '%s %P\n' | sort -n
echo "== total $(find app -type f -printf '%s\n' | awk '{s += $1} END {print s}')"
echo "== loose"; find app -type f -perm -o+w | sort
chmod -R go-w app; find app -name tool -exec chmod 755 {} \;
find app -type f -printf '%m %P\n' | sort -k2
ls -ld app | cut -c1-10
ls -l app/bin | awk 'NR > 1 {print $1, $3 == ENVIRON["USER"] ? "mine" : "not mine"}'
echo "== rotate"
for n in 3 2 1; do mv "app/var/log/app.log.$n" "app/var/log/app.log.$((n + 1))"; done; : > app/var/log/app.log
ls app/var/log
tail -n 1 -q app/var/log/app.log.*
[ -w / ] && echo "the root is writable" || echo "the root is not writable"
touch /etc/isolet-test 2>&1 | sed 's/.*: //'
df -P . | awk 'NR == 2 {print ($4 > 1000) ? "there is room" : "it is full"}'
