# Indexed and associative arrays: making, slicing, unsetting, copying, reading, declare -p, errors.
a=(zero one 'two words' [5]=five six); echo "${#a[@]} ${!a[@]}"; declare -p a; a+=(seven); a[1]+=more; a[-1]=last; declare -p a
for x in "${a[@]}"; do echo "<$x>"; done; for x in "${a[*]}"; do echo "<$x>"; done; for x in ${a[@]}; do echo -n "<$x>"; done; echo
unset 'a[0]' 'a[-1]'; declare -p a; b=("${a[@]}"); declare -p b; echo "${a[@]:1:2} ${a[*]: -2}"; a=(); echo "${#a[@]} [${a[@]}]"; declare -p a
declare -A m=([one]=1 ['two words']=2 [three]='3 4'); m[four]=4; m[one]+=1; echo "${#m[@]} ${m[one]} ${m['two words']} ${m[nope]-unset}"
for k in "${!m[@]}"; do echo "$k=${m[$k]}"; done | sort; unset 'm[one]'; [[ -v m[one] ]] || echo gone; [[ -v m[four] ]] && echo there
k='a]b"c'; m[$k]=odd; echo "${m[$k]}"; m[$'new\nline']=nl; echo "${m[$'new\nline']}"; declare -A e; echo "${#e[@]}"; declare -p e; declare -A pairs=(a 1 b 2); echo "${pairs[b]}"
s=scalar; echo "${s[0]} ${#s[@]} ${s[1]-none}"; s[2]=x; declare -p s; declare -a d; declare -p d; d=x; declare -p d; declare -ia n=(1+1 2*3); declare -p n
readarray -t lines < <(printf 'l1\nl2\n\nl4'); declare -p lines; mapfile -n 2 -s 1 -O 3 x < <(seq 5); declare -p x
mapfile -d : -t f <<< 'a:b:c'; declare -p f; mapfile -c 2 -C 'echo cb' -t < <(seq 5); echo "${MAPFILE[*]}"; IFS=: read -ra parts <<< 'p:q::r'; declare -p parts; read -a w <<< ' x  y '; declare -p w
i=1; y=(a b c); echo "${y[i]} ${y[i+1]} ${y[$((i-1))]} ${y[${#y[@]}-1]}"; y[i++]=B; echo "$i ${y[*]}"; (( y[7] = 5, y[7] *= 2 )); echo "${y[7]}"; set -- "${y[@]}"; echo $#
copy=("${y[@]/#/x}"); echo "${copy[*]}"; join() { local IFS=$1; shift; echo "$*"; }; join , "${y[@]}"; printf '%s\n' "${y[@]}" | sort -r | head -n 1
f() { local -a l=("$@"); l[0]=changed; echo "${l[@]} $#"; }; f 1 2 3; g() { local -n r=$1; r+=(added); }; g y; echo "${y[@]}"; declare -r ro=(1 2); (ro[0]=x); echo "exit $?"
stack=(1 2 3); stack=("${stack[@]:0:2}"); echo "${stack[*]}"; q=(1 2 3); q=("${q[@]:1}"); echo "${q[*]}"; echo "${#BASH_VERSINFO[@]} ${BASH_VERSINFO[0]} ${PIPESTATUS[@]}"
echo "${a[x]}" "${y[-99]}"; echo "exit $?"; y[-99]=x; echo "exit $?"; declare -A y; echo "exit $?"; m[]=x; echo "exit $?"; unset 'y[x y]' 2>/dev/null; echo "exit $?"
unset y; echo "${y[@]-unset}"; declare -a z=([3]=c [1]=a [2]=b); echo "${z[@]}"; z=([0]=new "${z[@]}"); declare -p z; [[ ${z[*]} == *b* ]] && echo has; echo "${z[@]@Q}" "${#z[*]}"
