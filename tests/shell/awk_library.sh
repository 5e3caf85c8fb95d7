# gawk's library and options: --re-interval, -e, --posix, --csv absent, -i inplace, -M, --lint of nothing, -n.
# needs: gawk
cd "$(mktemp -d)"
printf 'a b\nc d\n' >f
gawk -i inplace '{ print $2, $1 }' f; cat f
gawk -i inplace -v inplace::suffix=.bak '{ print toupper($0) }' f; cat f f.bak
gawk -e 'BEGIN { printf "%s ", 1 }' -e 'BEGIN { print 2 }'
gawk --posix 'BEGIN { print length("abc"); print "a" ~ /a/ }'
gawk --traditional 'BEGIN { print substr("abc", 2) }'
gawk -M 'BEGIN { print 2 ^ 100; PREC = 200; printf "%.40f\n", 1 / 3 }'
gawk -n 'BEGIN { print "0x10" + 0 }'
gawk -b 'BEGIN { print length("é") }'
gawk -S 'BEGIN { system("echo no") }' 2>/dev/null; echo "exit $?"
gawk --characters-as-bytes '{ print length($0) }' <<<'äö'
gawk 'BEGIN { print PROCINFO["version"] != "", PROCINFO["uid"], PROCINFO["FS"] }' | sed 's/ [0-9]* / UID /'
gawk '@include "join"; BEGIN { split("a b c", t); print join(t, 1, 3, "-") }'
gawk -f readfile.awk -e 'BEGIN { printf "%s", readfile("f") }'
gawk -l ordchr 'BEGIN { print ord("A"), chr(66) }'
gawk '@load "filefuncs"; BEGIN { stat("f", s); print s["type"], s["size"] }'
gawk --nosuch-option 'BEGIN { }' 2>/dev/null; echo "exit $?"
gawk -o- 'BEGIN{x=1;if(x)print x}' 2>/dev/null | grep -v '^$' | head -n 6
