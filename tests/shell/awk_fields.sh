# awk: records and fields, separators, NF, NR, assignment to fields and to $0.
# needs: gawk
cd "$(mktemp -d)"
printf 'alice:30:paris\nbob:25:rome\n\ncarol:41:oslo:extra\n' >people
awk -F: '{ print NR ": " $1 " (" NF ")" }' people
awk -F: 'NF { print $NF }' people
awk 'BEGIN { FS = ":"; OFS = "-" } { $2 = $2 + 1; print }' people
awk -F: -v OFS=, '{ $1 = $1 } 1' people
awk '{ NF = 2 } 1' <<<'a b c d'
awk '{ $6 = "six"; print; print NF }' <<<'a b c'
awk '{ $0 = "x y z"; print $2, NF }' <<<'one'
printf 'a1b22c333d\n' | awk -F'[0-9]+' '{ for (i = 1; i <= NF; i++) printf "<%s>", $i; print "" }'
printf 'p1 l1\np1 l2\n\n\np2 l1\np2 l2\np2 l3\n' | awk -v RS= '{ print NR, NF, $1 }'
printf 'p1 l1\np1 l2\n\np2 l1\n' | awk 'BEGIN { RS = ""; FS = "\n" } { print $1 "|" NF }'
printf 'a;b;c' | awk -v RS=';' '{ print NR, $0 }'
printf 'a12b345c' | awk -v RS='[0-9]+' '{ print $0, RT }'
printf '  lead   and  trail  \n' | awk '{ print "[" $1 "]", "[" $0 "]", NF }'
printf ' lead and\n' | awk -F' ' '{ print $1 }'
printf ' lead and\n' | awk -F'[ ]' '{ print "<" $1 ">", NF }'
printf 'a\tb c\td\n' | awk -F'\t' '{ print $2; print NF }'
printf 'abc\n' | awk 'BEGIN { FS = "" } { print $1, $3, NF }'
awk 'END { print NR, $0 }' people
awk 'FNR == 1 { print FILENAME, NR } ' people people
awk '{ print $(NF - 1) }' <<<'a b c'
awk '{ print $-1 }' <<<'a b c'; echo "exit $?"
printf '1 2\n3 4\n' | awk '{ s += $1 * $2 } END { print s }'
printf 'aXbXXc\n' | awk -FX '{ print NF; print $3 == "" }'
printf '12  34 567\n' | gawk 'BEGIN { FIELDWIDTHS = "2 2 3" } { print $1 "|" $2 "|" $3 }'
printf 'a,"b,c",d\n' | gawk 'BEGIN { FPAT = "([^,]+)|(\"[^\"]+\")" } { print $2, NF }'
