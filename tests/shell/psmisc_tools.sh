# killall, pstree and fuser of psmisc.
# needs: psmisc procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
sleep 100 & a=$!
started $a sleep
killall -0 sleep; echo $?
killall -v sleep 2>&1 | sed 's/[0-9]\{1,\}/N/g'
wait $a; echo $?
killall nosuchprogram; echo $?
killall -q nosuchprogram; echo $?
killall -s NOSUCH x 2>&1; echo $?
sleep 100 & a=$!
sleep 100 & b=$!
started $a sleep; started $b sleep
pstree -A $$ >"$HOME/tree"; grep -o '2\*\[sleep\]' "$HOME/tree"
pstree -Ap $a | sed "s/$a/PID/"
pstree -Aa $a
pstree -Aas $a | tail -n 1
pstree -A 999999; echo $?
{ killall -e -s KILL sleep; wait $a; echo $?; wait $b; echo $?; } 2>/dev/null
killall -r '^nosuch.*' 2>&1; echo $?
sleep 100 <"$HOME" 3>"$HOME/held" & a=$!
started $a sleep
fuser "$HOME/held" 2>/dev/null | tr -d ' ' | grep -cx "$a"
fuser "$HOME/held" 2>&1 >/dev/null | sed 's/:.*//'
fuser "$HOME/nosuch"; echo $?
: >"$HOME/free"; fuser "$HOME/free"; echo $?
fuser -s "$HOME/held"; echo $?
fuser -k -TERM "$HOME/held" >/dev/null 2>&1; wait $a; echo $?
