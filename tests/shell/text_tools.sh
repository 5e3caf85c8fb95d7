printf 'b 2\na 1\nc 3\n' | sort | cut -d' ' -f2 | paste -sd+
seq 10 | sed -n '2,4p;$p'
seq 5 | head -n 3 | tail -n 1
echo "the quick brown fox" | tr ' ' '\n' | sort | uniq -c | sed 's/^ *//'
printf 'x\ty\n' | expand | od -c | head -n 1
echo hello | sha256sum | cut -c1-16
echo aGVsbG8K | base64 -d
printf '%s\n' a b a | sort | uniq -d
basename /a/b.txt .txt; dirname /a/b.txt
expr 6 \* 7; factor 360; date -u -d @0 +%F
