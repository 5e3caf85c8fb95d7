# [[ ]], test and [ in bash, dash and as programs: files, strings, integers, patterns, regular expressions, precedence.
d=$(mktemp -d); cd "$d" || exit
touch -d 2020-01-01 old; echo x > new; ln -s new link; ln -s gone dangling; mkdir dir; mkfifo fifo; ln new hard; : > empty; chmod 4755 new; chmod 1777 dir; chmod 000 empty
exprs=('-e new' '-e gone' '-f new' '-f dir' '-d dir' '-h link' '-L dangling' '-e dangling' '-p fifo' '-s new' '-s empty' '-r empty' '-w new' '-x new' '-x empty' '-u new' '-g new' '-k dir' '-c /dev/null' '-b /dev/null' '-S new' '-O new' '-G new' '-t 0' 'new -nt old' 'new -ot old' 'new -ef hard' 'new -ef old' '-n x' '-z x' 'x = x' 'x != x' '1 -eq 01' '2 -gt 10' '-1 -lt 0' '3 -ge 3' '3 -le 2' '3 -ne 3' '! x = y' 'x' '-n' '( x )' 'x = x -a y = z' 'x = y -o y = y' '! -e gone' '-z' '= = =' '! !' '-a x' 'a -a b' '-d dir -a -f new -o -e gone')
for e in "${exprs[@]}"; do
    for t in bash dash program; do
        case $t in bash*) bash -c 'test "$@"' sh $e;; dash*) dash -c 'test "$@"' sh $e;; *) env test $e;; esac; echo -n "$? "
    done; echo "test $e"
done 2>/dev/null
for e in 'a -eq 1' '1 -foo 2' 'x y' '( x' '1 -eq' 'a b c d' '-f' '1.5 -gt 1'; do test $e 2>/dev/null; echo "$? $e"; env test $e; echo "$? $e"; done
env [ a = a; echo "exit $?"; env [ a = a ]; echo "exit $?"; [ a = a; echo "exit $?"; test; echo "exit $?"; [ ]; echo "exit $?"; [ "" ]; echo "exit $?"
[[ abc == a* && ! abc == "a*" && abc != b* ]] && echo patterns; [[ -v HOME && ! -v nope ]] && echo set; [[ a < b && b > a && ! (a > b || 10 > 9) ]] && echo order; x='a b'; [[ $x == 'a b' && -n $x ]] && echo nosplit
[[ 'foo123bar' =~ ([a-z]+)([0-9]+)(.*) ]] && echo "${BASH_REMATCH[0]}|${BASH_REMATCH[1]}|${BASH_REMATCH[2]}|${BASH_REMATCH[3]}"; re='^[[:space:]]*(#.*)?$'; for l in '' '  # c' 'x #'; do [[ $l =~ $re ]]; echo -n "$? "; done; echo
[[ 'a.c' =~ a\.c ]] && [[ ! 'abc' =~ a\.c ]] && [[ ! abc =~ "a.c" ]] && echo quoted; re='('; [[ x =~ $re ]] 2>/dev/null; echo "bad regex $?"; [[ 2024-05-06 =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})$ ]]; echo "${#BASH_REMATCH[@]} ${BASH_REMATCH[2]}"
[[ aXbX =~ (.)X(.)X ]]; echo "${BASH_REMATCH[@]:1}"; [[ abc =~ b* ]]; echo "[${BASH_REMATCH}]"; [[ é =~ ^.$ ]]; echo $?; [[ $'a\nb' =~ a.b ]]; echo $?; [[ foobar =~ foo|bar ]]; echo "${BASH_REMATCH[0]}"
[[ 3 -lt 10 && 0x10 -eq 16 && 1+1 -eq 2 ]] && echo integers; [[ a -eq 0 ]] && echo unset_is_zero; [[ 1 -eq 1x ]] 2>/dev/null; echo $?; i=3; [[ i -eq 3 ]] && echo name; [[ -o errexit ]]; echo $?; [[ ! -t 0 || 1 -eq 1 && 2 -eq 3 ]]; echo $?
[[ -n $x && ( -d dir || -f nothing ) ]] && echo grouped; [[ x ]] && echo word; [[ "" ]] || echo empty; [[ -R HOME ]]; echo $?; [[ new -nt old && new -ef hard ]] && echo files; [[ $(echo sub) == sub ]] && echo substituted; shopt -s extglob; [[ foo.tar == *.@(tar|zip) ]] && echo ext
cd /; chmod 700 "$d/empty"; rm -r "$d"
