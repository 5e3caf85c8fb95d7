a=(zero one "two words" three)
echo "${#a[@]} ${a[2]} ${a[-1]} ${a[@]:1:2}"
a+=(four); unset 'a[0]'
for i in "${!a[@]}"; do echo "$i=${a[i]}"; done
declare -A m=([x]=1 [y]=2); m[z]=3
for k in x y z; do echo "$k ${m[$k]}"; done
echo "${#m[@]}"
mapfile -t lines < <(printf '%s\n' p q r); echo "${lines[*]}"
echo "${a[@]/o/0}"
