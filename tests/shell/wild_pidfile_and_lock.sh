# A service script: pid file, start, status, stop, and a lock that only one can hold.
# needs: util-linux
cd "$(mktemp -d)" || exit
cat > service.sh <<'EOF'
#!/bin/bash
pidfile=$PWD/service.pid log=$PWD/service.log
running() { [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case ${1:-} in
start)
    running && { echo "already running"; exit 1; }
    nohup bash -c 'trap "echo bye; exit 0" TERM; echo hello; while :; do sleep 0.05; done' >> "$log" 2>&1 &
    echo $! > "$pidfile"; echo started ;;
stop)
    running || { echo "not running"; exit 1; }
    pid=$(cat "$pidfile"); kill "$pid"
    for _ in $(seq 20000); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    rm -f "$pidfile"; echo stopped ;;
status) running && echo "running" || { echo "stopped"; exit 3; } ;;
*) echo "usage: $(basename "$0") start|stop|status" >&2; exit 2 ;;
esac
EOF
chmod +x service.sh
./service.sh; echo "usage: $?"
./service.sh status; echo "status: $?"
./service.sh start; ./service.sh start; echo "twice: $?"
./service.sh status
until grep -q hello service.log; do sleep 0.05; done
./service.sh stop; ./service.sh stop; echo "stop: $?"
until grep -q bye service.log; do sleep 0.05; done
cat service.log
exec 9> lock
flock -n 9 && echo "we have the lock"
flock -n lock -c 'echo never'; echo "the other: $?"
exec 9>&-
flock -n lock -c 'echo now it is free'
if mkdir lock.d 2>/dev/null; then echo "first"; fi
if ! mkdir lock.d 2>/dev/null; then echo "second is refused"; fi
set -o noclobber
echo a > once; (echo b > once) 2>/dev/null || echo "not overwritten: $(cat once)"
