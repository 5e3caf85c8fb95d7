# Functions: arguments, return, scope, recursion, redefinition; what bash adds.
cat > "$HOME/t" <<'E'
f() { echo "$# $*"; return 3; }; f a 'b c'; echo $?
g() { set -- x y; echo "$*"; }; set -- 1 2 3; g q; echo "$*"
v=outer; h() { v=inner; }; h; echo $v
fact() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(fact $(($1 - 1))))); fi; }; fact 10
sub() ( v=changed; cd /; exit 4 ); sub; echo "$? $v"
one() if true; then echo compound; fi; one
e() { false; }; e; echo $?; e2() { false; return; }; e2; echo $?
r() { for i in 1 2 3; do [ $i = 2 ] && return 7; done; }; r; echo "$? $i"
f() { echo redefined; }; f; unset -f f; f 2>/dev/null; echo $?
x=1; p() { echo "x=$x"; }; x=2 p; echo $x
cd() { command cd "$@" && echo "now $PWD"; }; cd /; unset -f cd
deep() { [ $1 -eq 0 ] && { echo bottom; return; }; deep $(($1 - 1)); }; deep 200
l() { local v=mine w; v=$v$1; m; echo $v; }; m() { v=${v}m; }; v=global; l 1; echo $v
rec() { local n=$1; [ $n -gt 0 ] && rec $((n - 1)); echo -n "$n "; }; rec 5; echo
E
for shell in dash bash; do echo "== $shell"; $shell "$HOME/t"; done; rm "$HOME/t"
function kw { echo "$FUNCNAME ${FUNCNAME[@]}"; }; kw
outer() { inner; }; inner() { echo "${FUNCNAME[*]} ${#BASH_LINENO[@]} $(caller 0 | cut -d' ' -f2)"; }; outer
declare -f kw; declare -F; type kw inner; export -f kw; bash -c kw; readonly -f kw
kw() { :; }; echo $?
local x; echo $?; return 2>&1; echo $?
l() { local -a a=(1 2); local -A m=([k]=v); local -r ro=1; local -i n=1+1; echo "${a[1]} ${m[k]} $ro $n"; }; l; echo "${a[*]}"
n() { local -n ref=$1; ref=by_name; }; n target; echo $target
q() { local IFS=,; echo "$*"; }; q 1 2 3; echo "$IFS" | od -An -c
t() { trap 'echo returned' RETURN; echo body; }; t
u() { echo "${@:2}" "${@: -1}" "${*:1:2}" "${!#}"; shift 2; echo $#; shift 9; echo "$? $#"; }; u a b c d
bash -c 'FUNCNEST=5; v() { echo -n .; v; }; v' 2>/dev/null; echo $?
a-b.c() { echo odd; }; a-b.c
