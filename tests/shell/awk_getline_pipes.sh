# awk: getline in its forms, pipes, redirections, close, system, coprocesses.
# needs: gawk
cd "$(mktemp -d)"
printf 'one\ntwo\nthree\n' >lines
awk 'BEGIN { while ((getline line < "lines") > 0) n++; print n, line; print getline < "nofile" }'
awk 'NR == 1 { getline; print $0, NR } NR == 2 { getline x; print x, NR, $0 }' lines
awk 'BEGIN { "echo from command" | getline; print; "echo again" | getline v; print v }'
awk 'BEGIN { while (("cat lines" | getline l) > 0) print "got " l; print close("cat lines") }'
awk 'BEGIN { print "c" | "sort"; print "a" | "sort"; print "b" | "sort"; close("sort"); print "after" }'
awk '{ print > ($1 ".out") } END { close("one.out"); while ((getline l < "one.out") > 0) print "read " l }' lines
cat one.out two.out three.out
awk '{ print >> "appended" }' lines; awk 'BEGIN { print "last" >> "appended" }'; cat appended
awk 'BEGIN { r = system("exit 3"); print r; r = system("echo shell; true"); print r }'
awk 'BEGIN { printf "before "; system("echo inside"); print "after" }'
awk 'BEGIN { system("kill -9 $$") ; print "alive" }'
awk 'BEGIN { "exit 4" | getline; r = close("exit 4"); print r; print close("never") }'
awk 'BEGIN { print "x" | "cat >&2"; close("cat >&2"); print "to stdout" }' 2>&1
gawk 'BEGIN { c = "sort -n"; print "10" |& c; print "9" |& c; close(c, "to"); while ((c |& getline l) > 0) print l; print close(c) }'
gawk 'BEGIN { c = "tr a-z A-Z"; print "loud" |& c; close(c, "to"); c |& getline x; print x }'
echo stdin line | awk 'BEGIN { getline l < "-"; print "from stdin: " l }'
echo 'dash operand' | awk '{ print FILENAME "|" $0 }' -
awk 'BEGIN { print "err" > "/dev/stderr"; print "out" > "/dev/stdout" }'
awk 'BEGIN { print ENVIRON["ANSWER"] }'; ANSWER=42 awk 'BEGIN { print ENVIRON["ANSWER"] }'
seq 100000 | awk '{ print | "tail -n 1" }'
awk 'BEGIN { for (i = 0; i < 3; i++) { cmd = "echo " i; cmd | getline v; close(cmd); printf "%s ", v } print "" }'
yes | awk '{ print; if (NR == 3) exit }' | cat
awk 'BEGIN { while (("yes" | getline l) > 0) if (++n == 5) break; print n, l }'
