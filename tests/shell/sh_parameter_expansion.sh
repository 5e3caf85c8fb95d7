# POSIX 2.6.2 in both shells: every form of parameter expansion, and what an error in one does.
d=$(mktemp -d); cd "$d" || exit
cat > t <<'E'
set -- one two "three four"
unset u; n=; v=value
echo "1:${v:-x}|${u:-x}|${n:-x}|${v-x}|${u-x}|${n-x}"
echo "2:${v:+x}|${u:+x}|${n:+x}|${v+x}|${u+x}|${n+x}"
echo "3:${a:=set}|$a|${n:=filled}|$n"
echo "4:${#v}|${#u}|${#}|${#@}|${#1}"
p=/usr/local/lib/libc.so.6
echo "5:${p#*/}|${p##*/}|${p%/*}|${p%%/*}|${p%.*}|${p%%.*}|${p#nothing}"
echo "6:${p#"*"}|${p%"${p#?}"}"
q='a*b?c[d]'; echo "7:${q#a\*}|${q%\[*}|${q%'[d]'}"
echo "8:${3}|$#|$*|$@"
for x in "$@"; do echo "<$x>"; done
for x in "$*"; do echo "<$x>"; done
for x in $@; do echo "<$x>"; done
IFS=,; echo "9:$*|${*}"; IFS=; echo "10:$*"; unset IFS
echo "11:${10-no tenth}|${1}0"
set -- ; for x in "$@"; do echo never; done; echo "12:$#"
for x in ""; do echo "<$x>"; done
echo "13:${v:-$(echo not run >&2)}|${u:-"quoted  two"}|${u:-'single'}"
echo "14:"${u:-a  b} "${u:-a  b}"
nested=${u:-${n:-${v}}}; echo "15:$nested"
x='a b'; y=$x; echo "16:$y"; z=~; [ "$z" = "$HOME" ] && echo tilde
w=a:~:b; [ "$w" = "a:$HOME:b" ] && echo tilde in assignment
echo "17:${v%%*}|${v##*}|${v%?}|${v#[uv]}|${v#[!v]}|${v%[[:lower:]]}"
readonly r=1; (r=2; echo not reached) 2>/dev/null; echo "18:$?"
E
for shell in dash bash; do
    echo "== $shell"; $shell t
    $shell -c 'echo ${u:?is not set}; echo not reached'; echo "exit $?"
    $shell -c 'echo ${u?}; echo not reached'; echo "exit $?"
    $shell -c 'n=; echo ${n?fine}; echo ${n:?is empty}'; echo "exit $?"
    $shell -uc 'echo "${u-unset is fine}"; echo $u; echo not reached'; echo "exit $?"
    $shell -c '(echo ${u:?in a subshell}); echo "reached $?"'
done 2>&1 | sed 's/[0-9]*: //'
cd /; rm -r "$d"
