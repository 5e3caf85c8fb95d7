# Two CSV files joined, summed up by group and laid out as a table.
# needs: gawk bsdextrautils
set -euo pipefail
cd "$(mktemp -d)"
cat > customers.csv <<'EOF'
id,name,country
3,Chen,CN
1,Alice,DE
2,Bob,US
4,Dana,DE
EOF
cat > orders.csv <<'EOF'
order,customer,amount,date
100,1,25.50,2025-01-03
101,2,100.00,2025-01-04
102,1,74.25,2025-02-01
103,3,12.00,2025-02-11
104,2,8.75,2025-02-14
105,9,1.00,2025-03-01
EOF
sorted() { tail -n +2 "$1" | sort -t, -k"$2","$2"; }
echo "== joined"
join -t, -1 1 -2 2 -o 2.1,1.2,1.3,2.3 <(sorted customers.csv 1) <(sorted orders.csv 2) | sort -n | column -t -s,
echo "== orders without a customer"
join -t, -1 1 -2 2 -v 2 <(sorted customers.csv 1) <(sorted orders.csv 2)
echo "== by country"
awk -F, 'NR == FNR {if (FNR > 1) country[$1] = $3; next} FNR > 1 && ($2 in country) {sum[country[$2]] += $3; n[country[$2]]++}
    END {for (c in sum) printf "%s\t%d\t%.2f\n", c, n[c], sum[c]}' customers.csv orders.csv | sort -t$'\t' -k3,3nr
echo "== by month"
tail -n +2 orders.csv | cut -d, -f3,4 | sed -E 's/(.*),([0-9]{4}-[0-9]{2}).*/\2 \1/' |
    awk '{m[$1] += $2} END {for (k in m) print k, m[k]}' | sort
paste -d' ' <(cut -d, -f1 customers.csv) <(cut -d, -f2 customers.csv | tr a-z A-Z) | nl -ba
awk -F, -v OFS=';' '{$1 = $1; print}' orders.csv | tail -2
