# Job control in a script: set -m, jobs, fg, bg, kill %n, wait, disown, and without it.
# needs: procps
exec 2>/dev/null
narrow() { sed 's/  */ /g; s/ &$//'; }
state() { until [ "$(ps -o s= -p "$1")" = "$2" ]; do :; done; }
set -m
sleep 100 & a=$!
jobs | narrow
jobs -p | grep -cx $a
jobs %1 | narrow
[ "$(ps -o pgid= -p $a | tr -d ' ')" = $a ]; echo "own group $?"
kill -STOP %1
state $a T
wait %1; echo "wait $?"
jobs -s | narrow
bg %1 >/tmp/said; narrow </tmp/said
jobs -r | narrow
kill %1; wait %1; echo "wait $?"
jobs
(exit 3) & wait %%; echo "wait $?"
sleep 3 & fg %1; echo "fg $?"
sh -c 'kill -TSTP $$; exit 6' & p=$!
state $p T
fg %1; echo "fg $?"
sh -c 'kill -TERM $$'; echo "killed $?"
sh -c 'kill -STOP $$; exit 8'; echo "stopped $?"
jobs | narrow
fg; echo "fg $?"
sleep 100 | sleep 100 &
kill %sleep; wait; echo "wait $?"
sleep 100 & b=$!
disown %%; jobs | grep -c Running; kill -0 $b && echo alive; kill $b
complain() { "$@" 2>&1 | sed 's/^.*line [0-9]*: //'; echo "code ${PIPESTATUS[0]}"; }
for builtin in fg bg kill wait disown jobs; do complain $builtin %9; done
complain bg
set +m
sleep 0.01 & complain fg
wait
sleep 100 & c=$!
[ "$(ps -o pgid= -p $c | tr -d ' ')" = "$(ps -o pgid= -p $$ | tr -d ' ')" ]; echo "same group $?"
kill $c; wait $c; echo "wait $?"
complain suspend
