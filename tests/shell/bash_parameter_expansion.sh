# What bash adds to parameter expansion: substrings, replacement, case, indirection, transformations.
v=abcdefgh; echo "${v:2}|${v:2:3}|${v: -3}|${v: -3:2}|${v:2:-2}|${v:0:0}|${v:99}|${v:1+1:2*1}"
echo "${v:2:-9}"; echo "exit $?"
set -- one two three four; echo "${@:2}|${@:2:2}|${*: -1}|${@:0:1}|${1:1:1}|${@:5}|${#@}|${#*}"
p=foo.bar.foo; echo "${p/foo/X}|${p//foo/X}|${p/#foo/X}|${p/%foo/X}|${p//o}|${p//[a-f]/<&>}|${p/./}|${p//\./\/}|${p/nothing/x}"
r='a/b/c'; echo "${r//\//:}|${r/\/*/}|${r//b/"$r"}|${r//b/'$r'}"; q='*'; echo "${r//$q/x}|${r//"$q"/x}"
w='hello World'; echo "${w^}|${w^^}|${w,}|${w,,}|${w^^[lo]}|${w~}|${w~~}"; u='ÄÖé'; echo "${u,,}|${u^^}|${#u}|${u:1:1}"
name=w; echo "${!name}|${!name:0:5}"; arr=(x y z); name='arr[1]'; echo "${!name}"; name='arr[@]'; echo "${!name}"
pre_a=1 pre_b=2; echo "${!pre_*}" "${!pre_@}"; echo "${!arr[@]}|${!arr[*]}"; arr[9]=n; echo "${!arr[@]}|${#arr[@]}|${arr[@]:2:2}|${arr[-1]}"
echo "${arr[@]/#/pre-}|${arr[*]%z}|${arr[@]^^}|${#arr[0]}"; IFS=,; echo "${arr[*]}|${arr[@]}"; unset IFS
s=$'it\'s\ttab\nline'; echo "${s@Q}|${w@U}|${w@u}|${w@L}|${v@A}|${arr[@]@A}"; e='a\tb\x41'; echo "${e@E}"; declare -A m=([k]=v); echo "${m[@]@K}|${m@a}|${arr@a}|${m[@]@k}"
ps='\u \$'; echo "${ps@P}" | sed 's/[#$]$/END/'; echo "${undefined@Q}|${undefined:-d}|${undefined[@]:-e}|${arr[5]-unset}|${arr[5]+set}|${arr[1]+set}"
declare -i n; n='3+4'; declare -l low=ABC; declare -u up=abc; declare -r ro=1; declare -x ex=1; echo "$n $low $up ${n@a} ${low@a} ${up@a} ${ro@a} ${ex@a}"
x=; : "${x:=default}"; echo "$x"; echo "${x:?never}"; (: "${none:?custom message}"); echo "exit $?"; (: "${none?}") ; echo "exit $?"
echo {a,b}{1,2} {1..5} {5..1..2} {a..e..2} {01..10..3} x{,y} {a,{b,c},d} {1} {} {a,b "{a,b}" {-2..2} {x..z}y a{b,c}d{e,f} \{a,b} pre{,fix,post}
echo ~ ~root ~+ ~nosuchuser ~/x a~ | sed "s:$HOME:HOME:g"; cd / && echo ~- | sed "s:$HOME:HOME:"; cd - >/dev/null
echo "$(< /etc/hostname)"; echo ${v}$v"${v}"; echo "${v:$((1)):${#p}}"
printf '<%s>' "${@/t/T}" ; echo; set --; echo "${@:-none}|${1-unset}|${*-u}"
unset v; echo "${v-}${v:+x}${#v}"; nul="${v}"; echo "${nul:-n}"; set -u; echo "${v}"; echo "not reached"
