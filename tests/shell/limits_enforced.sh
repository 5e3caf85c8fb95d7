# Resource limits that a shell sets bind: file size, CPU, descriptors, processes of a user, memory.
cd "$(mktemp -d)" || exit
(ulimit -f 2; head -c 5000 /dev/zero >big; echo "head $?") 2>/dev/null
wc -c <big
(ulimit -f 2; trap '' XFSZ; head -c 5000 /dev/zero >ignored; echo "ignored $?")
wc -c <ignored
(ulimit -f 1; truncate -s 900 small && echo fits; trap '' XFSZ; truncate -s 2000 small; echo "truncate $?")
(ulimit -Sn 12; for n in {3..20}; do eval "exec $n</dev/null" || break; done; echo "stopped $((n > 8))") 2>&1 | sed 's/^.*line [0-9]*: //' | tail -n 1
{ (ulimit -St 1; while :; do :; done); echo "spinning $?"; } 2>/dev/null
{ (ulimit -t 1; ulimit -Ht; while :; do :; done); echo "hard $?"; } 2>/dev/null
{ (ulimit -St 1; trap 'echo told; exit 3' XCPU; while :; do :; done); echo "trap $?"; } 2>/dev/null
(ulimit -Sf 4; ulimit -Sf 8; ulimit -Sf; ulimit -Hf 8; ulimit -Sf 16) 2>&1 | sed 's/^.*line [0-9]*: //'
(ulimit -v 100000; ulimit -v; ulimit -v 200000) 2>&1 | sed 's/^.*line [0-9]*: //'
(ulimit -v 60000; dd if=/dev/zero of=/dev/null bs=100M count=1 2>&1) | grep -o 'memory exhausted'
(ulimit -u 40; ulimit -u; bash -c 'ulimit -u')
