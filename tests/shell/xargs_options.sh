# xargs: how arguments are read and divided: -n -L -I -d -0 -E -a -s -x, quotes and spaces.
# needs: findutils
cd "$(mktemp -d)"
printf 'a b\nc\n\n d  e \n' | xargs
printf 'a b c d e' | xargs -n 2
printf 'a b\nc d\ne\n' | xargs -L 1 echo line
printf 'a b \nc\n' | xargs -L 1 echo
printf "'a b' \"c d\" e\\\\ f g\n" | xargs -n 1 echo
printf 'x\ny z\n' | xargs -I {} echo '<{}>' '{}{}'
printf '  lead\n\ntail  \n' | xargs -I @ echo '[@]'
printf 'a,b,c' | xargs -d , -n 1 echo
printf 'a b\nc "d\n' | xargs -d '\n' -n 1 echo
printf 'p q\0r\ns\0' | xargs -0 -n 1 echo
printf 'a\nb\nEND\nc\n' | xargs -E END echo
printf '1 2 3\n' >args; xargs -a args -n 2 echo from file
printf 'a\n' | xargs -t echo 2>&1
seq 5 | xargs -n 2 -t true 2>&1
printf '' | xargs echo ran anyway; printf '' | xargs -r echo not run; echo "exit $?"
printf ' \n \n' | xargs -r echo not run
seq 20 | xargs -s 20 echo
seq 1000 | xargs | wc -w; seq 100000 | xargs echo | wc -l | awk '{ print $1 >= 2 }'
seq 3 | xargs -I N sh -c 'echo "arg N of $0"' zero
printf 'one\ntwo\n' | xargs sh -c 'echo "$#: $0 $*"' name
printf 'a' | xargs -n 1 -I {} echo {} 2>/dev/null
printf "unmatched ' quote\n" | xargs echo 2>/dev/null; echo "exit $?"
echo 1 2 3 | xargs -n 0 2>/dev/null; echo "exit $?"
seq 3 | xargs --max-args=1 --no-run-if-empty echo long
seq 6 | xargs -n 3 | xargs -L 1 echo again
printf 'a\nb\n' | xargs -I% sh -c 'cat; echo %' </dev/null
printf 'x\ny\n' | xargs -n1 cat; echo "exit $?"
