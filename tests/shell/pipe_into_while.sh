printf '%s\n' one two three | while read -r word; do echo "<$word>"; done
total=0
printf '1 2\n3 4\n' | { while read -r a b; do total=$((total + a * b)); done; echo "$total"; }
echo "after: $total"
seq 1 1000 | while read -r n; do (( n % 100 == 0 )) && echo "$n"; done
