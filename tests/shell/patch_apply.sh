# patch: applying unified, context, normal and ed diffs, -p, -R, offsets, fuzz, rejects, -o, --dry-run.
# needs: patch diffutils ed
cd "$(mktemp -d)"
seq 30 | sed 's/^/line /' >orig; sed 's/line 5$/line five/; s/line 20$/line twenty/; /line 25$/d' orig >new
diff -u orig new >u.diff; diff -c orig new >c.diff; diff orig new >n.diff; diff -e orig new >e.diff
for d in u c; do cp orig f; patch f <$d.diff; cmp f new && echo same; done
cp orig f; patch f n.diff && cmp f new && echo same normal
cp orig f; patch -e f e.diff && cmp f new && echo same ed
cp orig f; patch f <u.diff >/dev/null; patch -R f <u.diff; cmp f orig && echo reversed
cp orig f; patch -s f u.diff; patch -s -N f u.diff; echo "exit $?"; ls; rm -f f.rej f.orig
cp orig f; patch -b -z .save f <u.diff; cmp f.save orig && echo backup
cp orig f; patch -o out f <u.diff; cmp f orig && cmp out new && echo to out
cp orig f; patch --dry-run f <u.diff; cmp f orig && echo untouched
{ echo 'top 1'; echo 'top 2'; cat orig; } >f; patch f <u.diff; head -n 8 f | tail -n 2
sed 's/line 6$/line VI/' orig >f; patch f <u.diff; echo "exit $?"; rm -f f.orig
sed 's/line 4$/4/; s/line 5$/5/; s/line 6$/6/' orig >f; patch f <u.diff; echo "exit $?"; sed 's/\t.*//' f.rej; rm -f f.rej f.orig
mkdir -p a/dir b/dir; cp orig a/dir/file; cp new b/dir/file; echo created >b/dir/added; echo gone >a/dir/removed
diff -ruN a b >tree.diff; echo "exit $?"
cp -r a work; (cd work && patch -p1 <../tree.diff); diff -r work b && echo trees equal
(cd work && patch -p1 -R <../tree.diff); diff -r work a && echo and back
patch -d work -p1 -s <tree.diff; ls work/dir
rm -r work; cp -r a work; cd work; patch -p0 <../tree.diff 2>&1 | head -n 1; patch -p5 -s -f <../tree.diff >/dev/null; echo "exit $?"; cd ..
cp orig f; (echo 'From: someone'; echo 'some words'; cat u.diff; echo 'and a tail') | patch f; cmp f new && echo mail
echo 'garbage' | patch f; echo "exit $?"
patch f <nofile 2>/dev/null; echo "exit $?"
cp new f; patch -f f <u.diff; echo "exit $?"; rm -f f.rej f.orig
cp orig f; patch --merge f <u.diff; cmp f new && echo merged
cp orig f; patch -D NEW f <u.diff; grep -n '#' f
printf 'a\nb' >nonl; printf 'a\nc' >nonl2; diff -u nonl nonl2 >x.diff; patch nonl x.diff; cmp nonl nonl2 && echo no newline kept
cp orig f; sed 's/$/\r/' u.diff >crlf.diff; patch f <crlf.diff; echo "exit $?"
