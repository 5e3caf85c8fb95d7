# tail -f and -F: a file that grows, is truncated, renamed away and made anew; --pid ends them.
cd "$(mktemp -d)" || exit
# Waits until a file holds a line.
until_line() { until grep -qx "$2" "$1" 2>/dev/null; do sleep 0.05; done; }
echo one >log
tail -n +1 -f log >seen & tail=$!
until_line seen one
echo two >>log
until_line seen two
printf 'three\nfour\n' >>log
until_line seen four
kill "$tail"; wait "$tail" 2>/dev/null
cat seen
echo first >named
tail -n +1 -F named >all 2>messages & tail=$!
until_line all first
mv named old
until grep -q inaccessible messages; do sleep 0.05; done
echo second >named
until_line all second
kill "$tail"; wait "$tail" 2>/dev/null
cat all
sed 's/;.*//' messages
sleep 0.2 & tail -f --pid=$! log | tail -n 1
