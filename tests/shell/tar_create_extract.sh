# tar: creating, listing, extracting; -C, --strip-components, members, verbose forms, exit codes.
# needs: tar
cd "$(mktemp -d)"
umask 022
export TAR_OPTIONS=--sort=name
mkdir -p src/sub/deep; echo a >src/a; echo bb >src/sub/b; seq 1000 >src/sub/deep/numbers; ln -s a src/link; ln src/a src/hard; : >src/empty; mkdir src/void
touch -d '2024-01-02 03:04:05 UTC' src/a src/sub/b
tar cf t.tar src; tar tf t.tar | sort
tar cvf t2.tar src/sub src/a; tar -cf t3.tar -C src a sub/b; tar tf t3.tar
mkdir out; tar xf t.tar -C out; diff -r src out/src && echo same
[ out/src/a -ef out/src/hard ] && readlink out/src/link; stat -c '%Y %a' out/src/a
TZ=UTC tar tvf t3.tar | awk '{ print $1, $3, $4, $5, $6 }'
tar xvf t.tar -C out src/sub; tar xf t.tar -C out nosuch; echo "exit $?"
mkdir strip; tar xf t.tar -C strip --strip-components=2; find strip | sort
tar xf t.tar -O src/sub/b; tar xOf t.tar src/a src/sub/b
tar cf - src | tar tf - | wc -l; cat t.tar | tar xf - -C out && echo from stdin
echo c >src/c; touch -d 2024-01-01 src/c; tar rf t.tar src/c; tar tf t.tar | tail -n 1; echo changed >src/c; tar uf t.tar src; tar tf t.tar | grep -c src/c
tar --delete -f t.tar src/empty; tar tf t.tar | grep empty; echo "exit $?"
tar -df t.tar src/a && echo no difference; echo x >>src/a; tar df t.tar src/a; echo "exit $?"
tar cf x.tar --exclude='*.o' --exclude=deep src; tar tf x.tar | sort; printf 'src/a\nsrc/sub/b\n' >list; tar cf l.tar -T list; tar tf l.tar
printf 'src/a\0' | tar cf l0.tar --null -T -; tar tf l0.tar
tar cf w.tar --transform 's,^src,renamed,' src/a; tar tf w.tar; tar xf w.tar --to-command='wc -c'
tar tf t.tar --wildcards '*/b'; tar xf t.tar -C out --wildcards '*numb*' && wc -l <out/src/sub/deep/numbers
echo keep >out/src/a; tar xf t.tar -C out -k src/a 2>/dev/null; echo "exit $?"; cat out/src/a; tar xf t.tar -C out --skip-old-files; cat out/src/a
tar xf t.tar -C out --overwrite; echo "exit $?"
tar cf e.tar; echo "exit $?"; tar cf e.tar nofile; echo "exit $?"; tar cf e.tar nofile src/c; echo "exit $?"; tar tf e.tar
tar xf nofile.tar; echo "exit $?"; tar; echo "exit $?"; tar -Z --nosuch 2>/dev/null; echo "exit $?"
echo garbage >g; tar tf g; echo "exit $?"; tar cf m.tar --remove-files src/void src/empty; ls src
tar cPf abs.tar "$PWD/src/a"; tar tPf abs.tar | grep -c "^$PWD"; tar tf abs.tar 2>/dev/null | grep -c '^/'; tar cf abs2.tar "$PWD/src/a"; tar tf abs2.tar | grep -c '^/'
head -c 700 t.tar >short.tar; tar tf short.tar; echo "exit $?"; tar cf multi.tar src/a src/a; tar xf multi.tar --occurrence=2 -O src/a | wc -l
