# /proc: what a process reads about itself and about others, and the system's settings.
cd "$(mktemp -d)" || exit
tr '\0' ' ' </proc/self/cmdline; echo
readlink /proc/self/cwd | grep -c "^$PWD\$"
cat /proc/self/comm
sh -c 'readlink /proc/$PPID/exe' | sed 's,.*/,,'
awk '{print NF}' /proc/self/stat
awk '/^(Name|State|Uid|Gid|Threads|Umask|SigIgn|SigBlk):/' /proc/self/status | sed -E 's/^(SigIgn:.)[0-9a-f]{9}/\1/' # glibc's own two signals aside
sleep 50 & pid=$!
until [ "$(cat /proc/$pid/comm)" = sleep ]; do :; done
tr '\0' '\n' </proc/$pid/environ | grep -c '^HOME='
awk '$1 == "PPid:" {print $2 == p}' p=$$ /proc/$pid/status
kill -STOP $pid
until [ "$(awk '/^State/{print $2}' /proc/$pid/status)" = T ]; do :; done
ps -o stat=,comm= -p $pid
kill -CONT $pid; kill $pid; wait $pid 2>/dev/null
[ -e /proc/$pid ] || echo gone
cat /proc/self/loginuid /proc/1/environ 2>&1 | sed 's/^[0-9]*//'
stat -c '%a %n' /proc/self/environ /proc/self/stat /proc/self/auxv /proc/self/io /proc/self/maps /proc/self/fd /proc/net/tcp
exec 5<>fifo.txt
readlink /proc/self/fd/5 | sed "s,^$PWD/,,"
echo text >&5
awk '/^(pos|flags):/' /proc/$$/fdinfo/5
ls /proc/self/fd | head -2 | tr '\n' ' '; echo
head -c 3 /proc/self/oom_score_adj
cat /proc/sys/kernel/ostype /proc/sys/kernel/overflowuid
wc -l </proc/sys/kernel/random/uuid
awk '/^(Soft|Max (core|open))/{print $1, $2, $3}' /proc/self/limits
(ulimit -n 77; awk '/open files/{print $4, $5}' /proc/self/limits)
awk '/^cpu /{print NF}' /proc/stat
awk '{print NF}' /proc/uptime /proc/loadavg
head -1 /proc/net/unix; head -1 /proc/swaps; head -1 /proc/partitions
dd if=/dev/zero of=/dev/null bs=1000 count=5 2>/dev/null; awk '/^rchar/{print ($2 >= 0)}' /proc/self/io
