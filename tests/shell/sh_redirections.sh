# Redirections: order, duplication, closing, read-write, noclobber, errors; with exec and compounds.
d=$(mktemp -d); cd "$d" || exit
cat > t <<'E'
echo a > f; echo b >> f; cat < f
{ echo out; echo err >&2; } > both 2>&1; cat both
{ echo out; echo err >&2; } 2>&1 > only | sed 's/^/piped /'; cat only
exec 3> three; echo to three >&3; exec 3>&-; cat three
exec 4< f; read -r x <&4; read -r y <&4; echo "$x $y"; read -r z <&4 || echo end; exec 4<&-
exec 5<> rw; echo 12345 >&5; exec 5>&-; exec 5<> rw; read -r n <&5; echo "$n"; exec 5>&-
printf 'abcdef' > m; exec 6<> m; printf 'XY' >&6; cat <&6; echo; cat m; echo; exec 6>&-
echo closed 2>/dev/null 1>&- || echo "failed $?"
set -C; echo no > f || echo "noclobber $?"; echo yes >| f; cat f; set +C
while read -r l; do echo "in: $l"; done < f > loop; cat loop
if true; then echo x; fi > cond; (echo sub; echo e >&2) > sub 2> sub.err; cat cond sub sub.err
f() { echo "in f"; echo "err" >&2; } > fout 2>&1; f; cat fout
> created; test -s created || echo empty
exec 7>&1; v=$(echo seen >&7; echo caught); exec 7>&-; echo "$v"
(exec > redirected; echo inside); cat redirected
echo a 2>&1 >/dev/null; echo 'n>m' 9> nine; cat nine
: < missing; echo "not a special builtin's end in bash only"
E
for shell in dash bash; do echo "== $shell"; $shell t 2>&1 | sed 's/^[^:]*: [^:]*[0-9]: //'; rm -f *[!t]; done
cat < missing; echo "exit $?"
echo x > .; echo "exit $?"
echo x > no/dir; echo "exit $?"
echo x >&9; echo "exit $?"
cat <&9; echo "exit $?"
(chmod 444 t; echo x > t); echo "exit $?"
echo both &> amp; cat amp; ls nothing &>> amp; cat amp
echo err 2>&1 >&2 | cat; ls nothing |& sed 's/^/piped: /'
exec {fd}> auto; echo "$((fd >= 10))" >&$fd; exec {fd}>&-; cat auto
exec 3<&0; exec 0< auto; read -r x; echo "$x"; exec 0<&3-; echo x >&3; echo "moved $?"
: > "$(printf 'two\nlines')"; ls
cat < $(echo a b); echo "exit $?"
cd /; rm -r "$d"
