# xz and the lzma names: levels, formats, checks, lists, threads, errors, xzgrep xzdiff.
# needs: xz-utils
cd "$(mktemp -d)"
seq 5000 >n; cp n copy
xz n; ls; unxz n.xz; cmp n copy && echo same; xz -k n; xz -k n; echo "exit $?"; xz -kf n; echo "exit $?"; ls
xzcat n.xz | tail -n 1; xz -dc <n.xz | cmp - copy && echo piped; for l in 0 3 6 1e; do xz -$l -c copy | xz -t && echo level $l; done
xz --format=lzma -k n; lzcat n.lzma | wc -l; xz -dc n.lzma | cmp - copy && echo lzma; unlzma -k -c n.lzma | md5sum; lzma -c copy | xz -dc --format=lzma | md5sum
for c in none crc32 crc64 sha256; do xz -C $c -c copy >c.xz; xz --robot --list c.xz | awk '/^file/ { print $7 }'; done
xz --robot -l n.xz | awk '/^totals/ { print $2, $3, $5 }'; xz -T2 --block-size=4096 -c copy >mt.xz; xz --robot -l mt.xz | awk '/^totals/ { print $3 }'; xz -dc -T2 mt.xz | cmp - copy && echo threads
(xz -c <<<one; xz -c <<<two) | xzcat; xz --single-stream -dc <(xz -c <<<only); xz -t n.xz && echo valid; xz --decompress --stdout --verbose n.xz 2>/dev/null | wc -l
xzgrep -c 77 n.xz; xzgrep -n '^4999$' n.xz; xzdiff n.xz copy && echo no difference; xzcmp n.xz n; echo more >>copy; xzdiff n.xz copy; echo "exit $?"
xz nofile; echo "exit $?"; mkdir d; xz d; echo "exit $?"; echo junk >j.xz; unxz j.xz; echo "exit $?"; xz n.xz 2>/dev/null; echo "exit $?"; unxz n; echo "exit $?"
head -c 300 n.xz >cut.xz; xz -t cut.xz; echo "exit $?"; head -c 300 /dev/zero >z.xz; xz -dc z.xz; echo "exit $?"; : >e; xz e; xz -d e.xz; stat -c %s e
xz --suffix=.foo -k copy; ls copy.foo; xz -d -S .foo -c copy.foo | tail -n 1; xz --files <<<copy; ls copy*; xz --delta=dist=1 --lzma2=preset=1 -c n | xz -dc | cmp - n && echo filters
xz -9 --memlimit-compress=20MiB -c n 2>/dev/null | xz -dc | cmp - n && echo limited; xz --nosuch 2>/dev/null; echo "exit $?"; xz -q -t j.xz; echo "exit $?"; xz -Q -kf n n.xz 2>/dev/null; echo "exit $?"; xz --x86 --lzma2 -c n | xz -t && echo bcj; xz -F raw --lzma2=dict=64KiB -c n | xz -dc -F raw --lzma2=dict=64KiB | tail -n 1
