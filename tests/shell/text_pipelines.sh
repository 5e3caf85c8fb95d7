# Text reports as scripts make them: counts, joins, sums, pivots and formats with the text tools.
d=$(mktemp -d); cd "$d" || exit
cat > log <<'E'
2024-05-06T10:00:01 INFO alice login 12ms
2024-05-06T10:00:02 WARN bob retry 340ms
2024-05-06T10:01:05 INFO carol login 15ms
2024-05-06T10:02:59 ERROR bob fail 1200ms
2024-05-06T11:00:00 INFO alice logout 3ms
2024-05-06T11:30:00 ERROR dave fail 900ms
E
cut -d' ' -f2 log | sort | uniq -c | sort -rn | sed 's/^ *//'; grep -c ERROR log; sed -n 's/.*ERROR \([a-z]*\).*/\1/p' log | sort -u | paste -sd,; cut -dT -f2 log | cut -d: -f1 | uniq -c | sed 's/^ *//'; grep -oE '[0-9]+ms' log | tr -d ms | sort -n | tail -n 1; n=0; while read -r _ _ _ _ t; do n=$((n + ${t%ms})); done < log; echo "total $n"; sed -E 's/^([^T]*)T([^ ]*) (\w+) .*/\3 \2/' log | sort -s -k1,1 | head -n 3; tr ' ' '\t' < log | cut -f3,4 | sort | uniq | nl -ba | sed 's/^ *//'; printf '%-8s|%6s|\n' $(cut -d' ' -f3,5 log); join -j 1 <(cut -d' ' -f3,4 log | sort -u -k1,1) <(printf 'alice admin\nbob user\n' | sort); paste -d' ' <(cut -d' ' -f3 log) <(cut -d' ' -f5 log | tr -d ms) | sort -k2n | head -n 2; split -l 2 log part.; wc -l part.* | tail -n 1; cat part.* | sha256sum | cut -c1-8; sha256sum < log | cut -c1-8; csplit -s log '/11:00/'; wc -l < xx01; head -n 2 log | tee >(wc -l > n; echo > counted) | tail -n 1; until [ -e counted ]; do :; done; cat n; fold -w 10 log | head -n 2; expand -t 4 <<< $'a\tb'; seq 5 | tac | paste -sd+ | tee expr | sed 's/.*/echo $((&))/' | sh; comm -12 <(cut -d' ' -f3 log | sort -u) <(printf 'bob\ndave\nzed\n'); shuf -i 1-100 -n 5 --random-source=/dev/zero | wc -l; date -d '2024-05-06T10:02:59' +%s | wc -c; numfmt --to=iec < <(echo 1536; echo 1048576); od -An -c <<< "$(head -c 5 log)"; column_like() { while IFS=, read -r a b c; do printf '%-6s %-6s %s\n' "$a" "$b" "$c"; done; }; printf 'id,name,x\n1,bo,2\n' | column_like; tsort <<< 'app lib lib libc app libc'; sort -t: -k3n /etc/passwd | head -n 1 | cut -d: -f1,3; base64 log | base64 -d | cmp -s - log 2>/dev/null; echo $(($? == 0 || $? == 127)); tr -cd '\n' < log | wc -c; rev 2>/dev/null <<< abc | head -c 3 >/dev/null; sed 'N;s/\n/ + /' log | cut -c1-30 | head -n 1; grep -n '' log | sed -n '3,4p' | cut -d: -f1 | paste -sd-
cd /; rm -r "$d"
