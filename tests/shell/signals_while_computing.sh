# Handlers of programs that compute and make no system calls: an alarm ends a measurement, SIGINT an endless query and sum.
# needs: sqlite3 bc openssl
openssl speed -seconds 1 -bytes 1024 md5 >speed.out 2>&1; echo "ended by its alarm: $?"; grep -c '^md5 *[0-9.]*k$' speed.out; rm speed.out
endless='with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c'
timeout -s INT -k 100 2 sqlite3 -batch :memory: "$endless" 'select 7' 2>/dev/null; echo "interrupted: $?"
echo 'while (1) { i = i + 1 }' >sum; env --default-signal=INT bc <sum >said 2>&1 & p=$!
# Half a second of computing: it has long begun.
until [ "$(cut -d' ' -f14 /proc/$p/stat)" -ge 50 ]; do sleep 0.05; done
kill -INT $p; wait $p; echo "$?"; grep -ci interrupt said; rm sum said
