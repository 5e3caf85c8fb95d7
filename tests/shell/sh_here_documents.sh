# Here-documents in both shells: expansions, quoting, tabs, several at once, in functions and loops.
d=$(mktemp -d); cd "$d" || exit
{
printf '%s\n' 'x=world' 'cat <<E' 'hello $x $(echo sub) `echo tick` $((1+2)) \$x \\ \a "q" '"'s'" 'joined \' 'line' 'E'
printf '%s\n' "cat <<'E'" 'hello $x $(echo sub) \$x \' 'E' 'cat <<"E F"' '$x' 'E F' 'cat <<\E' '$x' 'E'
printf 'cat <<-E\n\tone\n\t\ttwo\n\t three\n\tE\n'
printf '%s\n' 'cat <<A; cat <<B' 'first' 'A' 'second' 'B' 'cat - /dev/fd/3 3<<B <<A' 'third' 'B' 'fourth' 'A'
printf '%s\n' 'f() { cat <<E' 'in f: $1' 'E' '}' 'f one; f two | tr a-z A-Z'
printf '%s\n' 'while read -r a b; do echo "[$a][$b]"; done <<E' 'k v w' '  lead trail  ' 'back\slash' 'E'
printf '%s\n' 'for i in 1 2; do cat <<E; done' 'i=$i' 'E' 'cat <<E | tail -n 1 | cat -' 'x' 'y' 'E'
printf '%s\n' 'v=$(cat <<E' 'inside ) paren' 'E' '); echo "$v"' 'cat <<E' 'E' 'echo empty done'
printf '%s\n' 'if cat <<E; then echo ok; fi' 'cond' 'E' '( cat <<E )' 'sub' 'E' 'cat <<E' '${x:-a' 'b} ${nope:-"q"}' 'E'
} > t
for shell in dash bash; do echo "== $shell"; $shell t; echo "exit $?"; done
cat <<< word; cat <<< "two words $((1+1))"; read -r a b <<< "x y z"; echo "$b"
printf 'cat <<E\nno end' > u; bash u 2>&1 | grep -c 'delimited by end-of-file'
dash u; echo "exit $?"
seq 1 30000 > big; { echo 'cat <<E'; cat big; echo E; } > v; for shell in dash bash; do [ "$($shell v | sha256sum)" = "$(sha256sum <big)" ] && echo same; done
cd /; rm -r "$d"
