# find over real trees: many files, deep directories, odd names, with other programs.
# needs: findutils
cd "$(mktemp -d)"
mkdir -p "$(printf 'd/%.0s' $(seq 60))"; find . -type d | wc -l
find . -depth -type d -empty | awk -F/ '{ print NF }'
mkdir src; for i in 1 2 3; do for e in c h o; do echo "file $i.$e" >"src/m$i.$e"; done; done
find src -name '*.[ch]' | sort | xargs wc -l | tail -n 1
find src -name '*.c' -print0 | xargs -0 cat | sort
find src -type f | sed 's/.*\.//' | sort | uniq -c | awk '{ print $1, $2 }'
find src -name '*.o' -delete -print | sort; ls src
touch -- "$(printf 'new\nline')" 'sp ace' 'q"uote' "ap'os" '*star' '-dash' 'bäh'
find . -maxdepth 1 -type f -print0 | tr '\0\n' '\n?' | LC_ALL=C sort
find . -maxdepth 1 -name '-*' ; find . -maxdepth 1 -name '\*star'
find . -maxdepth 1 -name 'b?h'
find . -maxdepth 1 -name '[[:punct:]]*' | LC_ALL=C sort
find . -type f -name '* *' -exec rm {} + ; ls
for i in $(seq 1000); do echo $i >src/n$i; done
find src -name 'n*' | wc -l
find src -name 'n*5' -newer src/m1.c -exec cat {} + | awk '{ s += $1 } END { print s }'
find src -type f -name 'n??' | sort -V | head -n 2
find src -name 'n1*' -print | xargs rm; find src -name 'n*' | wc -l
find src -type f -printf '%s %f\n' | sort -k1,1n -k2 | tail -n 1
find . -name src -prune -o -type d -print | wc -l
find -- src -maxdepth 0; find src -maxdepth 0 -printf '%f\n'; find 2>/dev/null | head -n 1
find src/../src -maxdepth 0
find "$PWD/src" -name m1.c | sed "s#$PWD#HERE#"
