echo "$(echo a $(echo b $(echo c)))"
x=$(printf 'line\n\n\n'); echo "[$x]"
y=`echo back; echo tick`; echo "$y"
z=$(exit 3); echo "status $?"
echo "$(cd /; pwd) $(( $(echo 6) * 7 ))"
f() { if (( $1 == 0 )); then echo end; else echo "$1 $(f $(( $1 - 1 )))"; fi; }
f 20
