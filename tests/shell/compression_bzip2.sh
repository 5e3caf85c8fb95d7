# bzip2, bunzip2, bzcat, bzip2recover and the scripts: options, names, errors.
# needs: bzip2
cd "$(mktemp -d)"
seq 3000 >n; cp n copy
bzip2 n; ls; bunzip2 n.bz2; cmp n copy && echo same; bzip2 -k n; ls; bzip2 -k n; echo "exit $?"; bzip2 -kf n; echo "exit $?"
bzcat n.bz2 | tail -n 1; bzip2 -dc n.bz2 | cmp - copy && echo piped; bzip2 <copy | bunzip2 | md5sum; md5sum <copy
for l in 1 9; do bzip2 -$l -c copy | bzip2 -t && echo level $l; done; bzip2 -s -c copy | bzcat -s | wc -l; bzip2 -tv n.bz2
(echo one | bzip2; echo two | bzip2) | bzcat; bzgrep -c 99 n.bz2; bzgrep -n '^2999$' n.bz2; bzdiff n.bz2 copy && echo equal; bzcmp n.bz2 n; bzmore n.bz2 </dev/null 2>/dev/null | head -n 0
bzip2 nofile; echo "exit $?"; mkdir d; bzip2 d; echo "exit $?"; echo junk >j.bz2; bunzip2 j.bz2; echo "exit $?"; bunzip2 n; echo "exit $?"; bzip2 n.bz2; echo "exit $?"
head -c 200 n.bz2 >cut.bz2; bzip2 -t cut.bz2 2>/dev/null; echo "exit $?"; bzcat cut.bz2 2>/dev/null >/dev/null; echo "exit $?"; : >e; bzip2 e; bunzip2 e.bz2; stat -c %s e
chmod 640 copy; bzip2 copy; stat -c %a copy.bz2; bunzip2 -q copy.bz2; stat -c %a copy; ln copy hard; bzip2 copy; echo "exit $?"; rm hard
printf 'QlpoOTFBWSZTWdhy8i8AAAFXgAAQQAAAQACABkQAIAAhmgzTBzXF3JFOFCQ2HLyLwA==' | base64 -d 2>/dev/null | bzcat 2>/dev/null | head -c 0; cp n.bz2 r.bz2; bzip2recover r.bz2 2>/dev/null; echo "exit $?"; ls rec*; bzcat rec* | cmp - n && echo recovered
bzip2 --nosuch 2>/dev/null; echo "exit $?"; cp n t.tar; bzip2 t.tar; mv t.tar.bz2 t.tbz2; bunzip2 t.tbz2; ls t.tar; bzip2 -cd n.bz2 n.bz2 | wc -l; bzip2 -dcf n | head -n 1
