# pgrep: patterns, lists, counts, choices by parent, user, state and age.
# needs: procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
sleep 101 & a=$!
sleep 102 & b=$!
started $a sleep; started $b sleep
pgrep sleep | wc -l
pgrep -c sleep
pgrep -x slee; echo "code $?"
pgrep -x sleep | wc -l
pgrep -f 'sleep 10[1]' | grep -cx $a
pgrep -fx 'sleep 102' | grep -cx $b
pgrep -a sleep | sed 's/^[0-9]* //'
pgrep -l sleep | sed 's/^[0-9]* //'
pgrep -lfx 'sleep 101' | sed 's/^[0-9]* //'
pgrep -n sleep | grep -cx $b
pgrep -o sleep | grep -cx $a
pgrep -P $$ sleep | wc -l
pgrep -P 1 sleep; echo "code $?"
pgrep -u "$(id -u)" -x sleep | wc -l
pgrep -u root -x sleep; echo "code $?"
pgrep -U user -x sleep | wc -l
pgrep -d, -x sleep | tr -d 0-9
pgrep -i SLEEP | wc -l
pgrep -x 'sleep|nothing' | wc -l
pgrep '^sl.*p$' | wc -l
kill -STOP $a
until [ "$(ps -o s= -p $a)" = T ]; do :; done
pgrep -r T | grep -cx $a
kill -CONT $a
echo $a >"$HOME/pid"
pgrep -F "$HOME/pid" | grep -cx $a
pgrep nosuchprocess; echo "code $?"
pgrep 2>&1 | head -n 2; echo "code ${PIPESTATUS[0]}"
pgrep '(' 2>&1 | head -n 1; echo "code ${PIPESTATUS[0]}"
pgrep -u nosuchuser x 2>&1 | head -n 1; echo "code ${PIPESTATUS[0]}"
pgrep --nosuch x >/dev/null 2>&1; echo "code $?"
kill $a $b
