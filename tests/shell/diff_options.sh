# diff: what counts as a difference (-i -b -w -B -I -E -Z), directories (-r -N -x), large inputs.
# needs: diffutils
cd "$(mktemp -d)"
printf 'Hello World\n\nsame\n' >a; printf 'hello  world \nsame\n' >b
diff -i a b | head -n 1; diff -b a b; diff -iw a b; diff -iwB a b; echo "exit $?"
diff -I '^#' <(printf '#1\nx\n') <(printf '#2\nx\n'); echo "exit $?"
diff -E <(printf '\tx\n') <(printf '        x\n'); echo "exit $?"
diff --strip-trailing-cr <(printf 'x\r\n') <(printf 'x\n'); echo "exit $?"
diff -t <(printf 'a\tb\n') <(printf 'c\n'); diff -T <(printf 'a\n') <(printf 'c\n')
mkdir -p p/sub p/only q/sub
echo 1 >p/f; echo 2 >q/f; echo s >p/sub/s; echo s >q/sub/s; echo n >q/new; echo o >p/only/o; echo k >p/sub/k
diff p q; echo "exit $?"
diff -r p q; echo "exit $?"
diff -rq p q; diff -rs p q
diff -rN p q | grep -v '^diff'; diff -r -x 'f' -x only p q
diff --unidirectional-new-file -r p q | head -n 5
diff -r -u p q | sed 's/\t.*//'
diff p/f q; echo "exit $?"; diff p q/f; echo "exit $?"
diff -r p nowhere; echo "exit $?"
seq 20000 >n1; seq 20000 | sed 's/^\(.*99\)$/\1x/' >n2; diff n1 n2 | grep -c '^<'
diff --speed-large-files n1 n2 | md5sum; diff -d n1 n2 | md5sum; diff -H n1 n2 | wc -l
ln -s f p/link; ln -s f q/link; diff -r --no-dereference p/link q/link; echo "exit $?"
diff --from-file=a a b | wc -l; diff --to-file=a b >/dev/null; echo "exit $?"
diff --help >/dev/null; echo "exit $?"
chmod 000 b; diff a b; echo "exit $?"
cmp n1 n2 | sed 's/char/byte/'; cmp -s n1 n2; echo "exit $?"; cmp -l <(printf 'abc') <(printf 'axc'); cmp -b <(printf 'a') <(printf 'b') | sed 's/.* differ/differ/'
cmp <(printf abc) <(printf abcd) 2>&1 | sed 's#[^ ]*/dev/fd/[0-9]*[^ ]*#FD#g'; echo "exit ${PIPESTATUS[0]}"
cmp -i 1 <(printf abc) <(printf xbc); echo "exit $?"; cmp -n 2 <(printf abc) <(printf abd); echo "exit $?"
cmp nofile a; echo "exit $?"; cmp -i 2:1 <(printf abc) <(printf bc); echo "exit $?"
