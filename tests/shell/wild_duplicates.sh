# Files with the same content found by size and checksum; the largest ones; an old-file sweep.
# needs: findutils
set -euo pipefail
cd "$(mktemp -d)"
mkdir -p a/b c
echo same > a/one; echo same > a/b/two; echo same > "c/three four"
echo different > c/other; head -c 5000 /dev/zero > a/big; head -c 5000 /dev/zero > c/big2; : > c/empty
echo "== duplicates"
find . -type f -size +0c -printf '%s %p\n' | sort -k1,1n -k2 | awk '{size = $1; $1 = ""; n[size]++; f[size] = f[size] substr($0, 2) "\n"} END {for (s in n) if (n[s] > 1) printf "%s", f[s]}' |
    sort | tr '\n' '\0' | xargs -0 md5sum | sort | uniq -w32 --all-repeated=separate | cut -c35-
echo "== largest"
find . -type f -printf '%s\t%p\n' | sort -k1,1nr -k2 | sed -n 1,3p
echo "== by extension"
touch x.txt y.txt z.md; find . -name '*.*' -type f | sed -n 's/.*\.\([a-z]*\)$/\1/p' | sort | uniq -c | sort -rn
echo "== old"
touch -d '40 days ago' c/other a/one
find . -type f -mtime +30 | sort
find . -type f -mtime +30 -exec rm -v {} + | sort
find . -empty | sort
find . -type d -empty -o -newer z.md -type f -name none
du -ab --max-depth=1 a | cut -f2 | sort
find . -type f -perm /111 | wc -l; chmod u+x x.txt; find . -type f -perm -u=x
