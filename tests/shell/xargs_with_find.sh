# xargs at the end of find, ls, grep and others: the combinations that people write.
# needs: findutils
cd "$(mktemp -d)"
mkdir src; for i in 1 2 3; do printf 'int f%s;\n// TODO %s\n' $i $i >"src/m$i.c"; done; echo 'no c' >'src/with space.txt'
find src -name '*.c' | sort | xargs grep -n TODO
find src -type f -print0 | sort -z | xargs -0 -n1 basename
grep -l TODO src/* | xargs sed -i 's/TODO/DONE/'; grep -h DONE src/*.c
find src -name '*.c' | sort | xargs -I {} cp {} {}.bak; ls src
find src -name '*.bak' -print0 | xargs -0 rm -v | sort
ls src/*.c | xargs -n1 -I F sh -c 'echo "$(basename F .c): $(wc -l <F)"'
cut -d: -f1 /etc/passwd | sort | head -n 2 | xargs -n1 id -u | wc -l
printf '%s\n' b a c | xargs -n1 | sort | xargs
find src -type f -print0 | xargs -0 stat -c '%n %s' | sort
seq 5 | xargs -n1 expr 2 \* | paste -sd' '
echo src/m1.c src/m2.c | xargs -n1 -t md5sum 2>&1 | awk '{ print $1 == "md5sum" ? $0 : "sum " $2 }'
find src -name nothing | xargs -r ls; find . -name nothing -print0 | xargs -0r rm; echo "exit $?"
printf 'mkdir x\ntouch x/y\n' | xargs -L1 -I CMD sh -c 'CMD'; ls x
tar cf - src | tar tf - | sort | xargs -n 2 echo
