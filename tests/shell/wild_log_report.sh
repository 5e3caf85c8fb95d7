# An access log parsed with awk, sed, sort and uniq into a report.
# needs: gawk
set -euo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for i in $(seq 1 300); do
    ip="10.0.$((i % 3)).$((i % 7))"
    case $((i % 11)) in 0) code=500 ;; 1|2) code=404 ;; 3) code=301 ;; *) code=200 ;; esac
    case $((i % 5)) in 0) path=/ ;; 1) path=/api/users ;; 2) path="/api/items?id=$i" ;; 3) path=/static/app.js ;; *) path=/login ;; esac
    [ $((i % 4)) -eq 0 ] && method=POST || method=GET
    printf '%s - - [12/Mar/2025:%02d:%02d:%02d +0000] "%s %s HTTP/1.1" %d %d "-" "curl/8.0"\n' \
        "$ip" $((i / 60)) $((i % 60)) $((i * 7 % 60)) "$method" "$path" "$code" $((i * 37 % 5000))
done > "$log"
echo "== Requests: $(wc -l < "$log")"
echo "== Top clients"
awk '{print $1}' "$log" | sort | uniq -c | sort -k1,1nr -k2,2V | sed -n 1,5p
echo "== Status codes"
awk '{codes[$9]++} END {for (c in codes) printf "%s %d %.1f%%\n", c, codes[c], codes[c] * 100 / NR}' "$log" | sort
echo "== Paths, without queries"
sed -E 's/.*"(GET|POST) ([^ ?]+).*/\2/' "$log" | sort | uniq -c | sort -rn -k1,1 -k2 | awk '{printf "%-20s %s\n", $2, $1}'
echo "== Errors by hour"
grep -E '" (4|5)[0-9]{2} ' "$log" | grep -oP '\d{2}/\w+/\d{4}:\K\d{2}' | sort | uniq -c
echo "== Bytes by method"
awk -F'"' '{split($2, r, " "); split($3, s, " "); b[r[1]] += s[2]; n[r[1]]++} END {for (m in b) printf "%s %d bytes in %d, average %.2f\n", m, b[m], n[m], b[m] / n[m]}' "$log" | sort
echo "== Slowest tenth"
awk '{print $10, $7}' "$log" | sort -rn | sed -n 1,3p
