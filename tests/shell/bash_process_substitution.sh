# Process substitution, pipelines, PIPESTATUS, pipefail, coprocesses, fifos.
cat <(echo one) <(echo two) - < <(echo three); paste <(seq 3) <(seq 4 6) | tr '\t' :; comm -12 <(printf 'a\nb\n') <(printf 'b\nc\n')
while read -r x; do n=$((n + x)); done < <(seq 10); echo $n; [ -p <(true) ] && echo pipe; [[ $(echo <(true)) == /dev/fd/* ]] && echo dev fd
f() { cat "$1"; }; f <(echo in function); exec 5< <(printf 'kept\nopen\n'); read -r a <&5; read -r b <&5; echo "$a $b"; exec 5<&-; cat <(cat <(cat <(echo nested))); sort -m <(seq 1 2 5) <(seq 2 2 6) | paste -sd ' '
wait; echo hi > >(cat >&2); wait $!; echo "status $?"; ({ echo out; echo err >&2; } > >(sed 's/^/o:/') 2> >(sed 's/^/e:/' >&2)) 2>&1 | sort
true | false | (exit 3) | true; echo "${PIPESTATUS[@]}"; false; echo "${PIPESTATUS[@]}"; ! true | false; echo "$? ${PIPESTATUS[@]}"; set -o pipefail; false | true; echo $?; (exit 3) | (exit 4) | true; echo $?; true | true; echo $?; set +o pipefail
yes | head -n 2; echo "${PIPESTATUS[@]}"; seq 100000 | head -n 1; echo "${PIPESTATUS[1]}"; (trap '' PIPE; seq 100000; echo "seq $?" >&2) 2>&1 >/dev/null | cat; for i in 3 1 2; do echo $i; done | sort | { read -r x; echo "first $x"; cat; }
echo abc | while read -r l; do v=$l; done; echo "[${v-unset}]"; echo a | cat | cat | cat | cat | cat | cat | cat | cat | cat | tr a z; { sleep 0.1; echo late; } | { read -r x; echo "got $x"; }; ls nosuch |& sed 's/^/both: /'
coproc { while read -r l; do echo "co: $l"; done; }; echo hello >&"${COPROC[1]}"; read -r x <&"${COPROC[0]}"; echo "$x"; eval "exec ${COPROC[1]}>&-"; wait "$COPROC_PID"; echo "co exit $?"
coproc NAME { cat; exit 7; }; echo via >&"${NAME[1]}"; read -r -u "${NAME[0]}" x; echo "$x"; p=$NAME_PID; exec {NAME[1]}>&-; wait "$p"; echo $?; coproc tr a-z A-Z; echo up >&${COPROC[1]}; exec {COPROC[1]}>&-; cat <&${COPROC[0]}; wait
d=$(mktemp -d); cd "$d" || exit; mkfifo p q; cat < p > out & echo through > p; wait; cat out; (tr a-z A-Z < p > q &) ; exec 3<>q; echo loud > p; read -r x <&3; echo "$x"; exec 3>&-; (exec 5<>p; echo w1 > p & echo w2 > p & wait; head -n 2 <&5 | sort)
exec 4<>p; echo self >&4; read -r x <&4; echo "$x"; echo y > p & read -t 50 x <&4; echo "$x"; wait; exec 4>&-; timeout 0.3 cat p; echo "no writer $?"; mkfifo -m 600 r; stat -c '%A %F' r; mkfifo p; echo "exit $?"; rm p q r out; cd /; rmdir "$d"
x=$(cat <(echo sub) | tr b B); echo "$x"; diff_out=$(join <(printf '1 a\n2 b\n') <(printf '1 x\n2 y\n')); echo "$diff_out"; echo "$(exit 5)$?" ; y=$(exit 6); echo $?; z=$(echo out; exit 2) || echo "failed $? $z"; echo $(echo a; echo b) "$(echo a; echo b)"
