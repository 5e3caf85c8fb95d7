# dash as /bin/sh: what it has, what it lacks, its messages and its -e, -u, printf, test, local and trap.
d=$(mktemp -d); cd "$d" || exit
cat > t.sh <<'E'
echo "$0 $#"; local_test() { local a=1 b; echo "$a [${b-unset}]"; }; local_test; echo ${a-unset}
echo 'a\tb\\c\0101'; echo -n x; echo; printf '%s %d\n' a 1; [ a = a ] && echo eq; [ a == a ] 2>/dev/null || echo no double equals; type echo cd if nosuch; command -v cd; command -V printf
x='a b'; echo $x; y=abcdef; echo ${#y} ${y%c*} ${y#*c}; (echo ${y:1:2}) 2>&1; (echo ${y/a/b}) 2>&1; (eval 'a=(1 2)') 2>&1; (eval '[[ a = a ]]') 2>&1; echo $((1 + 2 * 3)) $((x = 5)) $x; (echo $((2 ** 3))) 2>&1; echo {a,b} ~root $'x'
read -r l <<E2
line
E2
echo "$l"; (echo <(true)) 2>&1; (eval 'cat <<< x') 2>&1; (eval 'function f { :; }') 2>&1; f() { echo f; }; f; unset -f f; (f) 2>&1; set -- a b c; shift; echo $*; eval "echo \$$#"; getopts ab: o -b v; echo $o $OPTARG; umask; ulimit -n >/dev/null && echo ulimit; times >/dev/null; hash ls; jobs; kill -l 15; wait; export V=1; export -p | grep V=; readonly R=2; (R=3) 2>&1; set -o | head -n 1; (set -o nosuch) 2>&1; (set -u; echo $undefined) 2>&1; cd /tmp; cd - >/dev/null; pwd | grep -c /; (cd /nonexistent) 2>&1; (. ./nosuch) 2>&1; (exec nosuch) 2>&1; (nosuch) 2>&1; (shift 9) 2>&1; (return 3; echo after return); (break; echo after break); (exit abc) 2>&1; (kill -NOSUCH 1) 2>&1; (trap x NOSUCH) 2>&1; (unset 1) 2>&1; (export 1x=2) 2>&1; (read) 2>&1 </dev/null; echo $?; (printf %d abc) 2>&1; (test 1 -eq a) 2>&1; (test a b) 2>&1; (umask 9) 2>&1; (wait abc) 2>&1; (fg) 2>&1; (getopts) 2>&1; (ulimit -Q) 2>&1; alias q='echo alias'; alias; fc 2>/dev/null; echo $?; echo $PPID >/dev/null; echo $LINENO; echo ${BASH_VERSION-none} ${RANDOM-none} ${SECONDS-none} ${HOSTNAME-none} ${UID-none}
E
dash t.sh a b; dash -c 'echo $0 $1' n x; dash -x -c 'a=1; echo "$a b"' 2>&1; echo 'echo stdin; exit 4' | dash; echo $?; { dash -c 'trap "echo exit" EXIT; kill -TERM $$'; echo $?; } 2>/dev/null; dash -e -c 'f() { false; echo no; }; f'; echo $?; dash -c 'while read x; do echo "[$x]"; done' <<< $'a b\n c'; dash -c 'case $1 in a*) echo a;; [!b]) echo notb;; esac' _ c; dash -c 'echo "$@"; echo $#' _ 'a b' c; dash -c 'IFS=:; set -- a:b:c; set -- $1; echo $2'; dash -c 'x=$(printf "a\n\n"); echo "[$x]"'; dash nosuch; echo $?; dash -o nosuch; echo $?; dash -Z; echo $?; dash -c 'echo ${x:?custom}'; echo $?; dash -c 'exec 9>/nonexistent/x; echo no'; echo $?; dash -c '"" ; echo $?'; dash -c ' echo $((08))' 2>/dev/null; echo $?; dash -c 'echo $((1/0))'; echo $?
cd /; rm -r "$d"
