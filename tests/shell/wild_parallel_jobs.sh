# Work spread over background jobs with a limit, results collected in order, failures counted.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
job() {
    local n=$1
    sleep "0.0$((10 - n % 10))"
    echo "$((n * n))" > "$work/result.$n"
    (( n % 4 != 0 ))
}
limit=3 failed=0 pids=()
for n in $(seq 1 12); do
    while (( $(jobs -rp | wc -l) >= limit )); do wait -n 2>/dev/null; done
    job "$n" & pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || ((failed++)); done
echo "failed: $failed"
cat $(ls "$work"/result.* | sort -t. -k3n) | paste -sd' '
seq 1 20 | xargs -n 1 -P 4 sh -c 'echo $(( $1 * 2 ))' sh | sort -n | tail -n 3
printf '%s\n' a b c | xargs -I{} -P 2 sh -c 'sleep 0.05; echo "item {}" > '"$work"'/{}'
cat "$work"/[abc]
mkfifo "$work/queue"
( for task in one two three; do echo "$task"; done > "$work/queue" ) &
while read -r task; do echo "doing $task"; done < "$work/queue"
wait
coproc SQUARE { while read -r n; do echo $((n * n)); done; }
for n in 5 6 7; do echo "$n" >&"${SQUARE[1]}"; read -r square <&"${SQUARE[0]}"; echo "$n -> $square"; done
