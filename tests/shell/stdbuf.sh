# stdbuf: buffering of what other programs read and write, what it runs and refuses.
d=$(mktemp -d); cd "$d" || exit
mkfifo p; shown() { until [ -s out ]; do sleep 0.05; done; cat out; }
for how in '-oL' '-o0' '--output=L'; do : > out; stdbuf $how cut -c1-3 < p > out & exec 3> p; echo first >&3; shown; echo second >&3; exec 3>&-; wait; cat out; done
: > out; cut -c1-3 < p > out & exec 3> p; echo first >&3; sleep 0.5; [ -s out ] || echo kept; exec 3>&-; wait; cat out; : > out; stdbuf -o4K cut -c1-3 < p > out & exec 3> p; echo first >&3; sleep 0.5; [ -s out ] || echo kept; exec 3>&-; wait; cat out
printf '1\n2\n3\n' | (stdbuf -i0 sed 1q; cat); seq 3 | (sed 1q; cat); stdbuf -oL -e0 sh -c 'echo out; echo err >&2; exit 3' 2>&1; echo $?; stdbuf -o0 seq 3 | cat; stdbuf -oL tr a b <<< aaa; stdbuf -oL stdbuf -o0 echo nested; stdbuf -o 1M true; echo $?
stdbuf -oL; echo "exit $?"; stdbuf; echo "exit $?"; stdbuf true; echo "exit $?"; stdbuf -o x true; echo "exit $?"; stdbuf -oL nosuch; echo "exit $?"; stdbuf -oL ./p; echo "exit $?"; stdbuf -x true; echo "exit $?"; stdbuf -oL -z; echo "exit $?"; stdbuf --output; echo "exit $?"
cd /; rm -r "$d"
