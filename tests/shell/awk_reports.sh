# awk: the programs people write with it: sums, joins, histograms, transposing, logs.
# needs: gawk
cd "$(mktemp -d)"
cat >access.log <<'L'
10.0.0.1 - - [01/Jan/2025:10:00:01 +0000] "GET / HTTP/1.1" 200 512
10.0.0.2 - - [01/Jan/2025:10:00:02 +0000] "GET /a HTTP/1.1" 404 128
10.0.0.1 - - [01/Jan/2025:10:01:03 +0000] "POST /b HTTP/1.1" 500 64
10.0.0.3 - - [01/Jan/2025:11:00:04 +0000] "GET / HTTP/1.1" 200 1024
L
awk '{ c[$9]++; b[$9] += $10 } END { for (k in c) printf "%-5s %3d %8d\n", k, c[k], b[k] }' access.log | sort
awk '{ split($4, t, ":"); h[t[2]]++ } END { for (k in h) print k ":00", h[k] }' access.log | sort
awk -F'"' '{ split($2, r, " "); print r[1], r[2] }' access.log | sort | uniq -c | awk '{ print $1, $2, $3 }'
awk '!seen[$1]++ { print $1 }' access.log
printf '1 apple\n2 pear\n3 fig\n' >names; printf '2 7\n3 9\n9 1\n' >counts
awk 'NR == FNR { n[$1] = $2; next } $1 in n { print n[$1], $2; delete n[$1]; next } { print "unknown", $1 } END { for (k in n) print "unused", n[k] }' names counts
awk '{ for (i = 1; i <= NF; i++) m[NR, i] = $i } END { for (i = 1; i <= NF; i++) { for (j = 1; j <= NR; j++) printf "%s%s", m[j, i], j < NR ? " " : "\n" } }' <<<$'1 2 3\n4 5 6'
awk '{ a[NR] = $0 } END { for (i = NR; i; i--) print a[i] }' names
awk '{ for (i = NF; i > 0; i--) printf "%s%s", $i, (i > 1 ? OFS : ORS) }' <<<'a b c'
awk 'length > max { max = length; l = $0 } END { print max, l }' names
awk '{ n += NF; c += length + 1 } END { print NR, n, c }' names; wc <names | awk '{ print $1, $2, $3 }'
awk '{ x[NR] = $1; s += $1; q += $1 * $1 } END { m = s / NR; printf "%.3f %.3f\n", m, sqrt(q / NR - m * m) }' <<<$'2\n4\n4\n4\n5\n5\n7\n9'
seq 20 | awk '{ printf "%4d%s", $1, NR % 5 ? "" : "\n" }'
awk 'BEGIN { while (i++ < 15) print i % 15 == 0 ? "FizzBuzz" : i % 5 == 0 ? "Buzz" : i % 3 == 0 ? "Fizz" : i }' | paste -sd' '
echo 'The quick the lazy THE dog' | awk '{ for (i = 1; i <= NF; i++) w[tolower($i)]++ } END { for (k in w) print w[k], k }' | sort -k1,1nr -k2
awk -F, '{ gsub(/^ +| +$/, "", $2); print $1 "=" $2 }' <<<$'a,  b \nc,d'
awk 'BEGIN { for (n = 2; n <= 50; n++) { for (d = 2; d * d <= n; d++) if (n % d == 0) break; if (d * d > n) printf "%d ", n } print "" }'
printf 'k1=v1\n# no\n\nk2 = v2\n' | awk -F' *= *' '/^#/ || !NF { next } { print $1 "->" $2 }'
printf '%s\n' 'a { x' 'y }' 'b' | awk '/\{/ { inside = 1 } inside { print NR ": " $0 } /\}/ { inside = 0 }'
