(exit 3) & p=$!
(exit 0) & q=$!
wait "$p"; echo "p $?"
wait "$q"; echo "q $?"
for i in 1 2 3 4 5 6 7 8; do (exit "$i") & pids[i]=$!; done
for i in 1 2 3 4 5 6 7 8; do wait "${pids[i]}"; echo "$i: $?"; done
sleep 1000 & victim=$!
kill "$victim"; wait "$victim"; echo "killed $?"
d=$(mktemp -d); { echo late > "$d/x"; } & wait; cat "$d/x"; rm -r "$d"
