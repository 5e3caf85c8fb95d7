# awk: functions and recursion, -f files, -v, --, control flow, exit codes, error messages.
# needs: gawk
cd "$(mktemp -d)"
awk 'function fact(n) { return n < 2 ? 1 : n * fact(n - 1) } BEGIN { print fact(10), fact(20) }'
awk 'function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) } BEGIN { print fib(20) }'
awk 'function swap(a, i, j,  t) { t = a[i]; a[i] = a[j]; a[j] = t } BEGIN { x[1] = "p"; x[2] = "q"; swap(x, 1, 2); print x[1] x[2] }'
awk 'function change(s) { s = "changed"; return s } BEGIN { v = "kept"; print change(v), v }'
awk 'function nothing() { } BEGIN { x = nothing(); print "[" x "]" }'
cat >lib.awk <<'A'
function twice(x) { return 2 * x }
A
cat >main.awk <<'A'
# a comment
BEGIN { print twice(21), v }
{ print FNR ": " twice($1) }
END { print "end" }
A
printf '1\n2\n' >in
awk -v v=given -f lib.awk -f main.awk in
awk '{ print v }' v=first in v=second in
awk -v 's=a\tb\\n' 'BEGIN { print s }'
awk -- 'BEGIN { print "dashes" }'
awk 'BEGIN { exit 3 } END { print "end runs" }'; echo "exit $?"
awk '{ exit NR } END { print "at end", NR }' in; echo "exit $?"
awk 'BEGIN { exit } END { exit 7 }'; echo "exit $?"
awk 'BEGIN { for (i = 0; i < 10; i++) { if (i == 2) continue; if (i == 5) break; printf "%d ", i } print "" }'
awk 'BEGIN { i = 3; do { printf "%d ", i-- } while (i > 0); while (1) { if (++i > 2) break } print i }'
awk 'NR == 1 { next } { print "not first", $0 }' in
gawk 'FNR == 2 { nextfile } { print FILENAME, $0 }' in in
gawk 'BEGIN { switch ("b") { case /a/: print "a"; break; case "b": print "b"; default: print "fell" } }'
awk 'BEGIN { getline; print "read " $0 } { print "main " $0 }' in
awk 'BEGIN { printf "%s %s %s\n", ARGC, ARGV[1], ARGV[2] }' x y
awk 'BEGIN { ARGV[1] = ""; ARGV[2] = "in" } { print }' gone gone
awk '1' nofile; echo "exit $?"
awk '{ print }' nofile in; echo "exit $?"
awk 'BEGIN { print 1 / 0 }' 2>&1 | sed 's/^gawk/awk/'; echo "exit ${PIPESTATUS[0]}"
awk 'BEGIN { print' 2>/dev/null; echo "exit $?"
awk -f nofile 2>&1 | sed 's/^gawk/awk/;s/(.*)//'; echo "exit ${PIPESTATUS[0]}"
awk 2>/dev/null; echo "exit $?"
awk 'BEGIN { nosuch() }' 2>/dev/null; echo "exit $?"
awk 'function f(x) { return f2(x) } function f2(y) { return y "!" } BEGIN { print f("a") ; g = "f2"; print @g("indirect") }'
gawk 'BEGIN { print length(strftime("%Y", 0)), strftime("%Y-%m-%d %H:%M:%S", 86400, 1), mktime("1970 01 02 00 00 00") }'
gawk '@include "lib.awk"; BEGIN { print twice(4) }'
gawk 'BEGINFILE { print "begin " FILENAME } ENDFILE { print "end " FNR } END { print NR }' in in
printf '#!/usr/bin/awk -f\n{ print "script", $1 }\n' >run; chmod +x run; ./run in
gawk -i nosuch 'BEGIN { }' 2>/dev/null; echo "exit $?"
