# /proc/PID: what programs read there.
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
A=1 B='two words' env -i X=1 Y='a b' sleep 100 <"$HOME" & a=$!
started $a sleep
until grep -q "^State:.S" /proc/$a/status; do :; done
tr '\0' '|' </proc/$a/cmdline; echo
tr '\0' '\n' </proc/$a/environ
cat /proc/$a/comm
awk '{ print NF, $2, $3, ($4 == p) }' p=$$ /proc/$a/stat
wc -w </proc/$a/statm
grep -E '^(Name|State|Uid|Gid|Threads|Umask|TracerPid|FDSize):' /proc/$a/status | grep -v FDSize
grep -c "^PPid:	$$\$" /proc/$a/status
grep -c "^Pid:	$a\$" /proc/$a/status
grep -oE '^(SigQ|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt|VmRSS|VmSize|voluntary_ctxt_switches):' /proc/$a/status
readlink /proc/$a/cwd
readlink /proc/$a/root
readlink /proc/$a/fd/0
readlink /proc/$a/exe | grep -cE '/(sleep|coreutils)$'
ls /proc/$a/fd | grep -x '[012]'
ls -d /proc/$a/task/$a | sed "s/$a/P/g"
cat /proc/$a/task/$a/comm
cat /proc/$a/oom_score_adj
cut -d: -f1 /proc/$a/io
grep -c . /proc/$a/maps | awk '{ print ($1 > 0) }'
grep -oE '^Max (open files|processes|cpu time)' /proc/$a/limits | sort
[ "$(readlink /proc/self)" = "$BASHPID" ]; echo $?
cat /proc/self/comm
cat /proc/999999/stat; echo $?
echo renamed >/proc/$$/comm; cat /proc/$$/comm
kill $a; wait $a
cat /proc/$a/comm 2>/dev/null; echo $?
test -d /proc/$a; echo $?
