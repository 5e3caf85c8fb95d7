# bc and dc: precision, bases, functions, control flow, the library, strings, registers, errors.
# needs: bc dc
bc <<< '1 + 2 * 3; 2 ^ 100; 7 / 2; 7 % 3; -7 / 2; scale = 5; 7 / 3; 22 / 7; sqrt(2); 1.5 * 1.5; (1 + 2) * 3'
bc -l <<< '4 * a(1); e(1); l(10); s(1); c(0); j(0, 1); scale; scale(1.234); length(12345.67)'
bc <<< 'ibase = 16; FF; A + 1; ibase = A; obase = 2; 10; obase = 16; 255; 3.5; obase = 20; 399'
bc <<< 'define f(n) { if (n < 2) return (1); return (n * f(n - 1)); }
f(20); f(30)
define g(x, y[]) { auto s, i; for (i = 0; i < x; i++) s += y[i]; return (s); }
for (i = 0; i < 5; i++) v[i] = i * i
g(5, v[])
define void p(t) { print "t is ", t, "\n" }
p(3)'
bc <<< 'i = 0; while (i < 3) { i; i = i + 1 }; for (j = 3; j; --j) print j, " "; print "\n"; if (1 > 2) "no" else "yes
"; x = y = 4; x; y; x++; x; ++x; x += 3; x; x ^= 2; x; !x; 1 && 0; 1 || 0; 3 > 2; 2 != 2; last; .; a = 5; a *= a; a'
bc <<< '/* comment */ 1 # rest
"text
"
print "a\tb\n"; halt
5'
echo 'scale=50; 1/7' | bc; echo '2^1000' | bc; echo '2^1000' | BC_LINE_LENGTH=0 bc; echo '1/0' | bc 2>&1; echo "exit $?"; echo '(' | bc 2>&1; echo 'nosuch(1)' | bc 2>&1; echo 'sqrt(-1)' | bc 2>&1; echo '3 + ; 4' | bc 2>/dev/null; echo '1;2' >f$$; bc -q f$$ </dev/null; rm f$$; bc -s <<< '1 == 1' 2>/dev/null; seq -s+ 100 | bc; for i in 1 2 3; do echo "$i * 1.1" | bc; done; printf 'quit\n5\n' | bc; echo '0.1 + 0.2; .5; -.25; 1.10' | bc; echo 'define z(x) { return x * 2; }; z(z(3))' | bc
dc <<< '2 3 + p 4 * p 7 2 / p 5 k 7 3 / p 2 10 ^ p 17 5 % p 17 5 ~ f c z p'
dc -e '16 i FF p A i 2 o 10 p 16 o 255 p 10 o [hello] p n 10 P 65 P 10 P' ; dc -e '5 sa la p la la * p 1 2 3 f r f d f' ; dc -e '[la1+dsa*pla10>y]sy0sa1lyx'; dc -e '[p1-d0<a]sa5lax' ; dc -e '1 2 + p q 5 p'; dc -e '0 k 2 v p 20 k 2 v p 3 Z p 1.234 X p [abc] Z p' ; dc -e '5 0 /' 2>&1; dc -e 'p' 2>&1; dc -e '+' 2>&1; dc -e '[1p]x 3 2 [[less]p]sb <b 1 2 <b' ; dc -e '1 :a 7 1 :a 1 ;a p' 2>/dev/null; echo '3 4 5 | p' | dc; dc -f - <<< '9 p'; printf '100 [ ln d p ] sn 8 * p\n' | dc; dc --nosuch 2>/dev/null; echo "exit $?"; dc nofile 2>&1; echo "exit $?"; dc -e '! echo from shell'
