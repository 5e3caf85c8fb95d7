# Retries with back-off, a time limit, and a clean-up that runs however the script ends.
set -u
work=$(mktemp -d)
cleanup() { local code=$?; rm -rf "$work"; echo "cleaned up after $code" >&2; }
trap cleanup EXIT
trap 'echo interrupted; exit 130' INT
retry() {
    local max=$1 delay=0.01 n=1; shift
    until "$@"; do
        local code=$?
        if (( n >= max )); then echo "giving up on '$*' after $n: $code" >&2; return "$code"; fi
        echo "attempt $n failed with $code" >&2
        sleep "$delay"; ((n++))
    done
    echo "worked at attempt $n"
}
flaky() {
    local count; count=$(cat "$work/count" 2>/dev/null || echo 0)
    echo $((count + 1)) > "$work/count"
    (( count >= 2 )) || return 7
}
retry 5 flaky
retry 2 test -e /nonexistent; echo "retry: $?"
timeout 0.2 sleep 30; echo "timeout: $?"
(timeout -k 0.1 -s TERM 5 bash -c 'trap "" TERM; while :; do sleep 0.05; done'; echo "stubborn: $?") 2>/dev/null
( sleep 0.1; touch "$work/ready" ) &
for _ in $(seq 20000); do [ -e "$work/ready" ] && { echo ready; break; }; sleep 0.05; done
wait; echo "all children have ended"
( trap 'echo inner trap; exit 3' TERM; kill -TERM $BASHPID; echo not reached ); echo "subshell: $?"
kill -INT $$
echo "not reached either"
