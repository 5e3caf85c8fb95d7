# ss shows what listens and what is connected.
# needs: netcat-openbsd iproute2 gawk
cd "$(mktemp -d)" || exit
ss -Htln; ss -Huln; ss -Htan
nc -k -l 127.0.0.1 8001 >/dev/null & a=$!
nc -k -l 0.0.0.0 8002 >/dev/null & b=$!
nc -k -u -l 127.0.0.1 8003 >/dev/null & c=$!
nc -k -l -U "$PWD/sock" >/dev/null & d=$!
until [ "$(ss -Htln | wc -l)" -eq 2 ] && [ "$(ss -Huln | wc -l)" -eq 1 ] && [ "$(ss -Hlx src "$PWD/sock" | wc -l)" -eq 1 ]; do :; done
ss -Htln | awk '{ print $1, $4, $5 }' | sort
ss -Huln | awk '{ print $1, $4, $5 }'
ss -Htuln | awk '{ print $1, $2, $5 }' | sort
ss -tln | head -n 1 | awk '{ print $1, $2, $3, $4, $5 }'
ss -Htln sport = :8001 | awk '{ print $4 }'
ss -Htln 'sport = :8001 or sport = :8002' | wc -l
ss -Htln '( sport > :8001 )' | awk '{ print $4 }'
ss -Htlnp | grep -o 'users:(("nc"' | sort | uniq -c | awk '{ print $1, $2 }'
ss -Htlnp | grep -c "pid=$a,"
ss -Hlx src "$PWD/sock" | awk '{ print $1, $2 }'
exec 3<>/dev/tcp/127.0.0.1/8001
until [ "$(ss -Htn state established | wc -l)" -eq 2 ]; do :; done
ss -Htn state established | awk '{ print $3, $4 }' | grep -c 127.0.0.1:8001
ss -Htn state established dport = :8001 | wc -l
exec 3>&-
kill $a $b $c $d; wait
ss -Htln | wc -l
ss --nosuch >/dev/null 2>&1; echo "bad option: $?"
