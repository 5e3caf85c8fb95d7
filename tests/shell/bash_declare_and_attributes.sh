# declare, export, readonly, unset, typeset, local attributes, env passing, errors.
declare -i n=5+5
declare -r r=const
declare -x x=exp
declare -l l=ABC
declare -u u=abc
declare -a a=(1 2)
declare -A m=([k]=v)
declare -n ref=n
declare -c cap=hello 2>/dev/null
declare -p n r x l u a m ref
echo $ref
ref=7
echo $n
unset -n ref
echo ${ref-gone} $n
export e1=1 e2='a b'
export -p | grep ' e[12]='
export -n e1
env | grep -c ^e1
readonly -p | grep ' r='
readonly r2
r2=x
echo $?
r=y
echo $?
unset r
echo $?
declare r=1
echo $?
export r
env | grep ^r=
unset x
echo ${x-unset}
unset nosuch
echo $?
unset -f nosuch
echo $?
unset -v a
declare -p a
echo $?
declare -p nosuch
echo $?
f() { declare v=local; declare -g g=global; local w; echo "$v $g [${w-unset}]"; local -; set -f; }
f
echo "${v-unset} $g $-" | grep -o f
declare -f f | head -n 2
declare -F f
declare -F nosuch
echo $?
f2() { local x=1; f3; echo $x; }
f3() { x=changed; unset x; echo ${x-unset}; }
f2
v=1 f4=2
declare +x v
bash -c 'declare -i bad=1+; echo no' 2>/dev/null
echo $?
export 1x=2
echo $?
declare 'a b=c'
echo $?
export -f nosuch
echo $?
typeset -i t=3
t+=4
echo $t
s=a
s+=b
echo $s
declare -i s2=1
s2+=s2
echo $s2
arr=(a)
arr+=(b c)
arr[1]+=X
echo "${arr[@]}"
A=1 B=$A
echo "[$B]"
C=1
C=2 eval 'echo $C'
echo $C
D=1 D=2 env | grep ^D=
X=5 : 
echo ${X-unset}
X=6 export Y=7
echo ${X-unset}
declare -ar ra=(1 2)
ra[0]=x
echo $?
declare -p ra
unset 'ra[0]'
echo $?
declare -t tr=1
declare -p tr
declare +r r 2>/dev/null
echo $?
declare -A m2
m2=([a]=1 [b]=2)
unset m2[a]
echo "${!m2[@]}"
declare -a | grep -c ' arr='
declare -A | grep -c m2
declare -pr | grep -c ' r='
declare -i | grep -c n=
set | grep ^cap
compgen -v | grep -cx n
declare -x PATH2=$PATH
[ "$PATH2" = "$PATH" ] && echo same
declare -n self=self
echo $?
declare -n r1=r9
r1=via
echo $r9
[[ -R r1 ]] && echo nameref
for i in a b; do declare "dyn_$i=$i"; done; echo $dyn_a $dyn_b; printf -v dyn_c %s c; echo $dyn_c; read -r dyn_d <<< d; echo $dyn_d; echo ${!dyn_*}; IFS=: read -r p q <<< 1:2; echo $p$q; a1[0]=x; a1[5]=y; declare -p a1; declare -a a1; echo "${a1[5]}"; declare -A a1; echo $?; export arr; env | grep -c ^arr
