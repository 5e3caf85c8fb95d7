cat <(echo one) <(echo two)
echo data | tee >(cat >/dev/null) | cat
seq 1 20000 | sort -rn | head -n 3
for i in $(seq 1 50); do (echo "$i") ; done | tail -n 1
x=$(for i in 1 2 3; do echo "$i" & wait; done); echo $x
[ $$ -ne $BASHPID ] || echo same
( [ $$ -ne $BASHPID ] && echo differs )
