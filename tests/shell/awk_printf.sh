# awk: printf and output formats, conversions of numbers and strings.
# needs: gawk
awk 'BEGIN { printf "%d %i %5d|%-5d|%05d|%+d\n", 42, -7, 3, 3, 3, 3 }'
awk 'BEGIN { printf "%o %x %X %#o %#x %u\n", 8, 255, 255, 8, 255, 7 }'
awk 'BEGIN { printf "%f %.2f %e %.3E %g %g %G\n", 3.14159, 2.005, 12345.678, 0.00012, 1e10, 0.0001, 1e-10 }'
awk 'BEGIN { printf "%s|%10s|%-10s|%.2s|%c%c|%%\n", "str", "right", "left", "cut", "Axy", 66 }'
awk 'BEGIN { printf "%*d|%-*d|%.*f\n", 6, 42, 6, 42, 3, 2.5 }'
awk 'BEGIN { printf "%2$s %1$s\n", "world", "hello" }'
awk 'BEGIN { OFMT = "%.3g"; x = 3.14159; print x, x ""; print 17, 1e6, 1e20, 0.1 }'
awk 'BEGIN { CONVFMT = "%.2f"; x = 3.14159; y = x ""; print y, (x " ") }'
awk 'BEGIN { print 1e300 * 1e300, -1e300 * 1e300, log(-1) }' 2>&1 | sed 's/.*warning/warning/'
awk 'BEGIN { print 2 ^ 53, 2 ^ 53 + 1, 2 ^ 31, -2 ^ 2, 2 ^ 3 ^ 2 }'
awk 'BEGIN { print 7 % 3, -7 % 3, 7 % -3, 1 / 3, int(-3.9), int("12abc"), "0x1A" + 0 }'
awk 'BEGIN { print substr("hello", 2, 3), substr("hello", 0), substr("hello", -1, 3), substr("hello", 4, 100), "[" substr("hello", 10) "]" }'
awk 'BEGIN { print index("foobar", "bar"), index("foo", "x"), length("héllo"), length(12345), length() }' </dev/null
awk 'BEGIN { print toupper("abcXYZ1"), tolower("ABCxyz1") }'
awk 'BEGIN { print "a" "b" 1 + 2 "c", 1 " " 2, -1 " " -1 }'
awk 'BEGIN { print (10 < 9), ("10" < "9"), ("abc" < "abd"), (2 < "10") }'
echo '10 9' | awk '{ print ($1 < $2), ($1 "" < $2 "") }'
awk 'BEGIN { print 1 == 1.0, "1" == 1, "1.0" == 1, "a" != "b" }'
awk 'BEGIN { print atan2(0, -1), exp(1), sqrt(2), sin(0), cos(0), log(10), exp(0) }'
awk 'BEGIN { x = 5; print x++ + ++x, x--, --x; x += 3; x -= 1; x *= 2; x /= 4; x ^= 2; x %= 5; print x }'
awk 'BEGIN { print !0, !1, !"", !"a", 1 && 0, 0 || 2, 1 ? "y" : "n" }'
awk 'BEGIN { print "tab\there", "nl\\n", "q\"q", "\101\x42" }'
gawk 'BEGIN { print strtonum("0x11"), strtonum("011"), and(12, 10), or(12, 10), xor(12, 10), lshift(1, 4), rshift(16, 2), compl(0) > 0 }'
gawk "BEGIN { printf \"%'d\n\", 1234567 }"
awk 'BEGIN { printf "no newline" }'; echo
awk 'BEGIN { printf("%s %s\n", "paren", "form") > "/dev/stderr" }'
awk 'BEGIN { srand(1); a = rand(); srand(1); b = rand(); print a == b, a >= 0 && a < 1, srand(7), srand() }'
