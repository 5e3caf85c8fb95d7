# pkill: signals by name and number, what is left, permissions, exit codes.
# needs: procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
for signal in -TERM -9 -HUP --signal=USR1 -15; do
    sleep 100 & a=$!
    started $a sleep
    exec 2>/dev/null
    pkill $signal -x sleep; echo "pkill $?"
    wait $a 2>/dev/null; echo "wait $?"
done
sleep 101 & a=$!
sleep 102 & b=$!
started $a sleep; started $b sleep
pkill -f '^sleep 10[1]'; wait $a; echo $?
pkill -0 -x sleep; echo $?
pkill -e -x sleep | sed 's/[0-9]\{1,\}/N/'
wait $b; echo $?
pkill -x sleep; echo "none: $?"
pkill -BOGUS x 2>&1 | head -n 1
pkill -x -P $$ nosuch; echo $?
bash -c 'trap "exit 42" TERM; : >"$HOME/ready"; while :; do sleep 0.05; done' & c=$!
until [ -e "$HOME/ready" ]; do :; done
pkill -TERM -P $$ -x bash; wait $c; echo $?
pkill -t nosuchtty x 2>&1 | head -n 1; echo "${PIPESTATUS[0]}"
