# nc: listening and connecting over TCP, UDP and UNIX sockets of the machine itself.
# needs: netcat-openbsd
cd "$(mktemp -d)" || exit
# Waits until something listens there.
up() { until nc -z "$@" 2>/dev/null; do :; done; }
echo "-- TCP"
nc -l 127.0.0.1 7001 >got & up_pid=$!
until echo "from the client" | nc -N 127.0.0.1 7001 2>/dev/null; do :; done
wait $up_pid; echo "exit: $?"; cat got
echo "-- the server speaks"
(echo "from the server" | nc -N -l 7002) & 
until nc -d 127.0.0.1 7002 >got 2>/dev/null; do :; done
wait; cat got
echo "-- a file"
seq 20000 >numbers
nc -l 7003 >copy & until nc -N 127.0.0.1 7003 <numbers 2>/dev/null; do :; done; wait; cmp numbers copy && echo same
echo "-- -k: several connections"
nc -k -l 7004 >many & server=$!
up 127.0.0.1 7004
for i in 1 2 3; do echo "line $i" | nc -N 127.0.0.1 7004; done
until [ "$(wc -l <many)" -eq 3 ]; do :; done; sort many; kill $server; wait $server; echo "ended: $?"
echo "-- -z"
nc -k -l 7005 >/dev/null & server=$!; up 127.0.0.1 7005
nc -z 127.0.0.1 7005 2>/dev/null; echo "open: $?"; nc -z 127.0.0.1 7006 2>/dev/null; echo "closed: $?"
nc -zv 127.0.0.1 7005 2>&1 | sed 's/ port \[.*\]//'; nc -zv 127.0.0.1 7006; echo "closed: $?"
nc -nzv 127.0.0.1 7005-7006; echo "a range: $?"
kill $server; wait 2>/dev/null
echo "-- names and IPv6"
nc -6 -l ::1 7007 >got & until echo six | nc -N ::1 7007 2>/dev/null; do :; done; wait; cat got
nc -l 7008 >got & until echo name | nc -N localhost 7008 2>/dev/null; do :; done; wait; cat got
echo "-- a UNIX socket"
nc -lU sock >got & until echo unix | nc -NU sock 2>/dev/null; do :; done; wait; cat got
[ -S sock ] && echo "the socket stays"; nc -U sock </dev/null; echo "nobody listens: $?"; nc -U nosuch; echo "none: $?"
echo "-- UDP"
nc -u -l 127.0.0.1 7009 >datagrams & server=$!
until [ -s datagrams ]; do echo datagram | nc -u -w0 127.0.0.1 7009; done 2>/dev/null
kill $server; { wait $server; } 2>/dev/null; head -n 1 datagrams
echo "-- errors"
nc 127.0.0.1 7010; echo "refused: $?"
nc -v 127.0.0.1 7010; echo "refused: $?"
nc 127.0.0.1 notaport 2>/dev/null; echo "bad port: $?"
nc 127.0.0.1 99999; echo "bad port: $?"
