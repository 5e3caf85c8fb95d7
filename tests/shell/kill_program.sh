# kill, the program of procps (not bash's).
# needs: procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
kill() { env kill "$@"; }
kill -l | head -n 2
kill -l 9
kill -l KILL
kill -l SIGTERM
kill -L | head -n 3
sleep 100 & a=$!
started $a sleep
kill -0 $a; echo $?
kill -s TERM $a; wait $a; echo $?
kill 999998; echo $?
sleep 100 & a=$!
sleep 100 & b=$!
started $a sleep; started $b sleep
{ kill -KILL $a $b; wait $a; echo $?; wait $b; echo $?; } 2>/dev/null
kill -9 999999; echo $?
kill abc 2>&1 | head -n 1 | grep -o "failed to parse argument: 'abc'"; echo "${PIPESTATUS[0]}"
kill 2>/dev/null; echo $?
kill -NOSUCH 1 2>&1 | head -n 1
kill -s TERM 1; echo $?
