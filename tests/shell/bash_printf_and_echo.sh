# printf and echo, the builtins of both shells and the program: conversions, escapes, reuse, errors.
for p in 'bash -c' 'dash -c' ; do
    echo "== $p"
    $p 'printf "%s|%5s|%-5s|%.2s|%c|%%|%b\n" abc abc abc abc abc "a\tb\0101"'
    $p 'printf "%d|%5d|%-5d|%05d|%+d|%i|%u|%o|%x|%X|%#o|%#x\n" 42 42 42 42 42 42 42 42 255 255 8 255'
    $p 'printf "%f|%.2f|%10.3f|%e|%g|%G\n" 3.14159 3.14159 3.14159 31415.9 0.00001 1e20'
    $p 'printf "%d %d %d\n" 0x1f 010 "'\''A"; printf "%s %s\n" a b c d e; printf "%s-%d;" x 1 y 2; echo; printf "no args\n"; printf "%s|%d|\n"'
    $p 'printf "\a\b\f\n\r\t\v\\\\\101\n" | od -An -c; printf "a\nb\n%b" "c\cd" e; echo'
    $p 'printf "%*d|%-*d|%.*f\n" 5 42 5 42 2 3.14159; printf -- "-%s\n" x; printf "%5%|\n" 2>/dev/null | cat' 
    $p 'printf "%d\n" abc; echo "exit $?"; printf "%d\n" 3x; echo "exit $?"; printf; echo "exit $?"' 2>/dev/null
    $p 'printf "%z\n"' 2>/dev/null; echo "exit $?"
done
env printf '%s|%d|%x|%5.1f|%e|%c|%b|%q\n' s 7 255 2.25 12345 char 'x\ty' "it's a \$q"
env printf '%d\n' abc; echo "exit $?"; env printf '%d\n' 3x; echo "exit $?"; env printf; echo "exit $?"; env printf '%y\n' 1; echo "exit $?"
env printf 'a%s\n' b c extra; env printf 'x\n' extra; env printf '\u00e9\x41\U0001F600\n'; env printf '%d\n' 99999999999999999999; echo "exit $?"
env printf '%.3s|%8.3s|\n' abcdef abcdef
printf '%q ' 'plain' 'sp ace' "quo'te" '$x' '' $'new\nline' $'\001' 'é' '~' 'a*b' '#c'; echo; printf '%Q|%.3Q\n' 'a b' 'abcdef'
printf -v var '%03d-%s' 7 x; echo "$var"; printf -v 'arr[2]' %s in; echo "${arr[2]}"; printf '%(%Y-%m-%d %H:%M:%S)T\n' 86399; TZ=UTC0 printf '%(%a %j %s)T|\n' 0; printf '%(%F)T\n' 0 1000000000
printf '%s\n' "${nothing[@]}" | wc -c; printf '%b' 'oct \0101 \101 hex \x41 uni \u00e9 \e[0m' | od -An -c; printf '%5s|%-5s|%.1s|\n' é é éa; printf '%#X %+.1e % d\n' 255 12345.678 5
printf '%d %d %d\n' '"a' "'é" -0; printf '%u\n' -1; printf '%d\n' 9223372036854775808 2>/dev/null; printf '%s %s %s\n' one; printf '%ld %hd %5.3d|\n' 5 70000 7; echo
echo a   b 'c  d'; echo -n no newline; echo; echo -e 'a\tb\nc\\d\x41\u00e9\0101\c ignored'; echo; echo -E 'a\tb'; echo -en 'x\n'; echo -- -n; echo -nx; echo - ; echo -e '\e' | od -An -tx1; echo ''; echo
dash -c 'echo "a\tb\\\\n\0101"; echo -n x; echo; echo -e y; echo "stop\c here"; echo'; env echo -e 'a\tb' '\0101\x42'; env echo -n; env echo --version x; env echo --help me; env POSIXLY_CORRECT=1 echo -n -e 'a\nb'
shopt -s xpg_echo; echo 'a\tb'; echo x > /dev/full; echo "exit $?"; printf x > /dev/full; echo "exit $?"; env echo x > /dev/full; echo "exit $?"
