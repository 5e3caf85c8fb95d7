# top in batch mode.
# needs: procps
# Waits until it runs and sleeps.
started() { until [ "$(cat /proc/$1/comm)" = "$2" ] && grep -q '^State:.S' /proc/$1/status; do :; done; }
sleep 100 & a=$!
started $a sleep
export COLUMNS=80 TERM=dumb
top -b -n 1 -p $a | sed -n '2p' | sed 's/ \{1,\}/ /g'
top -b -n 1 -p $a | sed -n '7p'
top -b -n 1 -p $a | tail -n 1 | awk '{ print $2, $3, $4, $8, $12 }'
top -b -n 1 | awk 'NR == 1 { print $1, $2 }  NR == 3 { print substr($1, 1, 8) } NR == 4 { print $1, $2 } NR == 5 { print $1, $2 }'
top -b -n 2 -d 0.1 -p $a | grep -c '^top - '
top -b -n 1 -u user | grep -c ' sleep *$'
top -b -n 1 -c -p $a | tail -n 1 | grep -o 'sleep 100'
top -b -n 1 -o PID | awk 'f { print $1 } /^ *PID/ { f = 1 }' | sort -c -rn && echo sorted
top -b -n 1 -o NOSUCH 2>&1 | head -n 1
top -b -n x 2>&1 | head -n 1
top -b -n 1 -p abc 2>&1 | head -n 1
top -b -n 1 -u nosuchuser 2>&1 | head -n 1
top -n 1 >/dev/null 2>"$HOME/err"; echo $?
cat "$HOME/err"
kill $a
