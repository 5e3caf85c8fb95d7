[[ "2026-08-21" =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})$ ]] && echo "${BASH_REMATCH[@]}"
[[ abc =~ ^[[:alpha:]]+$ ]] && echo letters
[[ "foo.bar" =~ \. ]] && echo dot
[[ abc =~ ^b ]]; echo $?
[[ file.tar.gz == *.gz && -d / && ! -e /nonexistent ]] && echo yes
echo "user=joe id=42" | sed -E 's/.*id=([0-9]+).*/\1/'
printf 'a1\nb\nc3\n' | grep -E '[0-9]$'
