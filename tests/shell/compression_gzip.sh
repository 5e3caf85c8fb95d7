# gzip and its scripts: levels, -k -c -d -t -l -r -S -n, names, concatenation, errors, zcat zgrep zdiff zcmp.
# needs: gzip
cd "$(mktemp -d)"
seq 2000 >n; cp n copy
gzip n; ls; gunzip n.gz; ls; cmp n copy && echo same
gzip -k n; ls; gzip n </dev/null 2>/dev/null; echo "exit $?"; gzip -f n; ls; gzip -dk n.gz; gzip -c n | gzip -dc | cmp - copy && echo piped
for l in 1 6 9; do gzip -$l -c copy | gzip -t && echo "level $l"; done; gzip --best -nc copy | cmp - <(gzip -9 -nc <copy) && echo equal
gzip -l n.gz | tr -s ' ' | cut -d' ' -f5; zcat n.gz | tail -n 1; gzip -cd n.gz | head -n 1; zcat n | head -n 1 2>/dev/null; echo "exit ${PIPESTATUS[0]}"
zgrep -c 77 n.gz; zgrep -n '^1999$' n.gz; zgrep -l 5 n.gz n; zgrep nosuch n.gz; echo "exit $?"; zegrep '^(1|2)$' n.gz; zfgrep -x 5 n.gz; zgrep -h 1234 n.gz n
zdiff n.gz copy && echo no difference; zcmp n.gz copy; echo x >>copy; zdiff n.gz copy; echo "exit $?"
(gzip -c <<<one; gzip -c <<<two) >both.gz; zcat both.gz; gzip -S .z -c n >n.z; gzip -S .z -d -c n.z | wc -l; gzip -d n.z </dev/null 2>/dev/null; echo "exit $?"
mkdir -p d/e; echo 1 >d/a; echo 2 >d/e/b; gzip -r d; find d -type f | sort; gunzip -r d; find d -type f | sort
gzip nofile; echo "exit $?"; gzip d; echo "exit $?"; echo junk >j.gz; gunzip j.gz; echo "exit $?"; gzip -t j.gz; echo "exit $?"; gunzip n; echo "exit $?"
head -c 100 n.gz >cut.gz; gzip -dc cut.gz 2>&1 >/dev/null; echo "exit $?"; printf 'tail' >>n.gz; gzip -tv n.gz; echo "exit $?"
(cat both.gz; printf '\0\0\0') | gzip -dc; ln copy hard; gzip copy; echo "exit $?"; ln -s hard sym; gzip sym; echo "exit $?"; : >empty; gzip empty; gzip -d empty.gz; stat -c %s empty
echo named >orig; touch -d '2020-02-02 02:02:02 UTC' orig; gzip orig; mv orig.gz other.gz; gunzip -N other.gz; ls orig; stat -c %Y orig
echo data | gzip | base64 -d 2>/dev/null | head -c 0; printf 'H4sIAAAAAAAAA8tIzcnJ5wIAIDA6NgYAAAA=' | base64 -d | gunzip; echo a >t1; echo b >t2; gzip t1 t2; zcat t1.gz t2.gz; gzip -q -d t1 t2; ls t1 t2; gzip --nosuch 2>/dev/null; echo "exit $?"
cp t1 x.tgz; gzip -c t1 >x.tgz; gunzip x.tgz; ls x.tar; gzip -v t1 2>&1; gzip -dv t1.gz 2>&1; GZIP=-9 gzip -c t1 2>/dev/null | zcat
