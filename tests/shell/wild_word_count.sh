# Word frequencies, longest lines, anagrams and a histogram out of a text.
set -euo pipefail
text='It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief,
it was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it was the spring of hope, it was the winter of despair'
words() { tr -cs '[:alpha:]' '\n' <<< "$text" | tr '[:upper:]' '[:lower:]' | grep -v '^$'; }
words | sort | uniq -c | sort -k1,1nr -k2 | sed -n 1,8p
words | awk '{print length}' | sort -n | uniq -c | awk '{printf "%2d ", $2; for (i = 0; i < $1; i++) printf "#"; print ""}'
words | sort -u | awk '{n = split($0, c, ""); asort_ = ""; for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (c[j] < c[i]) {t = c[i]; c[i] = c[j]; c[j] = t}; k = ""; for (i = 1; i <= n; i++) k = k c[i]; print k, $0}' | sort | sed -n 1,4p
echo "$text" | fold -s -w 40 | sed 's/ *$//' | nl -w2 -s'. '
echo "$text" | fmt -w 60 | awk 'length > max {max = length; line = $0} END {print max ": " line}'
echo "$text" | grep -oiE '\b(best|worst|light|dark[a-z]*)\b' | paste -sd,
words | rev | sort | rev | tail -3
words | shuf --random-source=<(yes) | wc -l
comm -12 <(words | sort -u) <(printf '%s\n' age epoch zebra | sort)
echo "$text" | tr -d '\n' | wc -m
