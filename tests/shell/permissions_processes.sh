# Signals and /proc between users.
# needs: sudo
sudo sh -c 'sleep 100 & echo $! >/tmp/root.pid; sleep 100 & echo $! >>/tmp/root.pid'
read -r root </tmp/root.pid
kill -0 "$root" 2>/dev/null; echo "signal 0 to root's: $?"
kill -TERM "$root" 2>/dev/null; echo "TERM to root's: $?"
(kill "$root") 2>&1 | sed "s/$root/PID/g"
kill -0 1 2>/dev/null; echo "signal 0 to the first: $?"
sudo kill -0 "$root"; echo "root may: $?"
sudo -u nobody kill -0 $$ 2>/dev/null; echo "nobody to mine: $?"
sleep 100 & mine=$!
kill -0 $mine; echo "mine: $?"
sudo kill -TERM $mine; { wait $mine; } 2>/dev/null; echo "ended by root: $?"
echo "-- /proc of root's process"
# A name that was just made by fork may still be the parent's.
until [ "$(cat /proc/"$root"/comm)" = sleep ]; do :; done
cd /proc/"$root" || exit
stat -c '%U' . status
cat comm; tr '\0' ' ' <cmdline; echo
cat environ 2>&1 | tr '\0' '\n' | head -n 1; cat environ >/dev/null 2>&1; echo "environ: $?"
readlink exe; echo "exe: $?"
readlink cwd; echo "cwd: $?"
readlink root; echo "root: $?"
ls fd >/dev/null 2>&1; echo "fd: $?"
ls -d fd cwd; cd cwd 2>/dev/null; echo "cd cwd: $?"
grep -E '^(Name|Uid|Gid):' status
sudo readlink cwd >/dev/null; echo "root reads cwd: $?"
sudo sh -c 'tr "\0" "\n" <environ' | grep '^SUDO_USER='
echo "-- /proc of one's own"
cd /proc/self && readlink cwd | grep -c '^/proc/'; cd /tmp || exit
tr '\0' '\n' </proc/$$/environ | grep '^HOME='
readlink /proc/self/exe >/dev/null; echo "exe: $?"
ls /proc/$$/fd >/dev/null; echo "fd: $?"
stat -c '%U %a' /proc/$$ /proc/$$/environ /proc/$$/fd /proc/$$/status
grep -E '^(Uid|Gid|Groups):' /proc/$$/status | tr '\t' ' ' | sed 's/ *$//'
sudo grep -E '^(Uid|Gid):' /proc/self/status
{ echo x >/proc/$$/cmdline; } 2>/dev/null; echo "write: $?"
rm /proc/$$/status 2>/dev/null; echo "rm: $?"; touch /proc/new 2>/dev/null; echo "create: $?"
sudo kill $(cat /tmp/root.pid); sudo rm /tmp/root.pid
echo "-- priority"
nice; nice -n 5 nice; nice -n -5 nice 2>/dev/null
sudo nice -n -5 nice
