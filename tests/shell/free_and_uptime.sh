# free, uptime, vmstat, w: layouts, units and sums (the numbers are the machine's own).
# needs: procps
free | sed 's/[0-9]\{1,\}/N/g; s/ \{1,\}/ /g'
free -b | awk '/^Mem/ { t = $2 } END { print (t > 1000000) }'
free -k | awk '/^Mem/ { print ($3 <= $2), ($4 <= $2), ($7 <= $2) }'
paste -d' ' <(free -b | awk '/^Mem/ { print $2 }') <(free -k | awk '/^Mem/ { print $2 }') | awk '{ print ($1 == $2 * 1024) }'
free -m | awk '/^Mem/ { print ($2 > 0) }'
free -t | awk '{ print $1 }'
free -w | head -n 1
free -l | awk '{ print $1 }'
free -h | awk '/^Mem/ { print ($2 ~ /^[0-9.]+[KMGT]i$/) }'
free --si -h | awk '/^Mem/ { print ($2 ~ /^[0-9.]+[KMGT]$/) }'
grep -c "^MemTotal: *$(free -k | awk '/^Mem/ { print $2 }') kB$" /proc/meminfo
free -c 1 | wc -l
free -c 0 2>&1 | head -n 1; echo "${PIPESTATUS[0]}"
free --nosuch >/dev/null 2>&1; echo $?
uptime | sed -E 's/^ *[0-9:]+ up .* +[0-9]+ users?, +load average: [0-9.]+, [0-9.]+, [0-9.]+$/as it should be/'
uptime -p | cut -d' ' -f1
uptime -s | tr 0-9 N
uptime --nosuch >/dev/null 2>&1; echo $?
vmstat | head -n 2 | tail -n 1 | cut -d' ' -f1-40 | grep -o 'r  b .* id wa'
vmstat -s | grep -c 'total memory'
vmstat -x >/dev/null 2>&1; echo $?
