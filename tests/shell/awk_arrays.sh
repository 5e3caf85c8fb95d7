# awk: associative arrays, delete, in, multiple subscripts, sorting, split.
# needs: gawk
printf 'b 2\na 1\nc 3\na 4\n' | awk '{ sum[$1] += $2; n[$1]++ } END { for (k in sum) print k, sum[k], n[k] }' | sort
awk 'BEGIN { a["x"] = 1; print ("x" in a), ("y" in a); delete a["x"]; print ("x" in a), length(a) }'
awk 'BEGIN { a[1, 2] = "v"; for (k in a) { split(k, p, SUBSEP); print p[1], p[2], a[k] } if ((1, 2) in a) print "there" }'
awk 'BEGIN { n = split("a:b:c", p, ":"); print n, p[1], p[3]; n = split("", p); print n, length(p) }'
awk 'BEGIN { n = split("a1b22c", p, /[0-9]+/, s); print n, p[2], s[2] }'
awk 'BEGIN { print x == 0, x == "", length(x) }'
awk 'BEGIN { if (a["never"] == "") print length(a) }'
gawk 'BEGIN { a[1] = "z"; a[2] = "x"; a[3] = "y"; n = asort(a); for (i = 1; i <= n; i++) printf "%s ", a[i]; print "" }'
gawk 'BEGIN { a["q"] = 1; a["p"] = 2; n = asorti(a, b); for (i = 1; i <= n; i++) printf "%s ", b[i]; print "" }'
gawk 'BEGIN { PROCINFO["sorted_in"] = "@ind_str_asc"; a["c"]; a["a"]; a["b"]; for (k in a) printf "%s ", k; print "" }'
gawk 'BEGIN { PROCINFO["sorted_in"] = "@val_num_desc"; a["c"] = 1; a["a"] = 10; a["b"] = 9; for (k in a) printf "%s ", k; print "" }'
gawk 'BEGIN { a[1][2] = 3; a[1]["x"] = 4; print isarray(a[1]), length(a[1]), a[1]["x"] }'
awk 'function fill(t, n,  i) { for (i = 1; i <= n; i++) t[i] = i * i } BEGIN { fill(sq, 5); print sq[5], length(sq); delete sq; print length(sq) }'
seq 1 10000 | awk '{ seen[$1 % 97]++ } END { for (k in seen) n++; print n, seen[0], seen[96] }'
awk 'BEGIN { a["01"]; print (1 in a), ("01" in a) }'
awk 'BEGIN { a[0.1 + 0.2] = 1; for (k in a) print k }'
awk 'BEGIN { CONVFMT = "%d"; a[12.7] = "x"; print a["12"] }'
