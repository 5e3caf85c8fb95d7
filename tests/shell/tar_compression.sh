# tar with compression: -z -j -J --zstd -a, found by name and by content, through pipes.
# needs: tar gzip bzip2 xz-utils zstd
cd "$(mktemp -d)"
export TAR_OPTIONS=--sort=name
mkdir d; seq 5000 >d/n; echo text >d/t
tar czf d.tar.gz d; tar cjf d.tar.bz2 d; tar cJf d.tar.xz d; tar --zstd -cf d.tar.zst d; tar cf d.tar d
for f in d.tar.*; do tar tf $f | sort | paste -sd' '; rm -rf o; mkdir o; tar xf $f -C o; diff -r d o/d && echo "same from $f"; done
gzip -t d.tar.gz && bzip2 -t d.tar.bz2 && xz -t d.tar.xz && zstd -q -t d.tar.zst && echo valid
for s in gz bz2 xz zst tgz tbz txz; do tar caf auto.$s d; tar tf auto.$s | wc -l; done
cmp <(gzip -dc auto.gz | tar tf -) <(tar tf d.tar) && echo same listing
cat d.tar.gz | tar xzf - -O d/t; cat d.tar.xz | tar xJO d/t; tar czf - d | tar tzf -; tar czf - d | gzip -dc | tar tf -
cat d.tar.gz | tar tf - ; echo "exit $?"
tar tzf d.tar; echo "exit $?"
tar tjf d.tar.gz >/dev/null 2>&1; echo "exit $?"
tar -I 'gzip -9' -cf best.tar.gz d; tar -I gzip -tf best.tar.gz; tar --use-compress-program=bzip2 -cf b.tar.bz2 d; tar tf b.tar.bz2 | wc -l
tar --no-auto-compress -caf plain.gz d 2>/dev/null; tar -I nosuchprogram -cf x.tar d 2>/dev/null; echo "exit $?"
tar xzf nofile.tar.gz; echo "exit $?"
head -c 200 d.tar.gz >cut.tar.gz; tar tzf cut.tar.gz >/dev/null 2>&1; echo "exit $?"
tar czf - d | wc -c | awk '{ print $1 > 1000 }'
tar cf - d | xz -3 | xz -dc | tar xf - -C o && diff -r d o/d && echo piped
