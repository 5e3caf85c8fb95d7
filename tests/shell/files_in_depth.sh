umask 022
d=$(mktemp -d); cd "$d" || exit
show() { stat -c '%n %A %h %s %F' "$@"; }
echo hello > a; ln a b; ln -s a c; stat -c '%n %A %h %s %F' a b c
rm a; cat c 2> /dev/null; echo "dangling $?"; cat b; echo through > c; cat a
chmod 2755 b; stat -c %a b; chmod u+s b; stat -c '%A' b; chmod 1644 b; stat -c %a b
mkdir -p d/e/f; touch d/e/f/g; show d d/e d/e/f | sed 's/ [0-9]* directory/ directory/'
rmdir d 2> /dev/null; echo "not empty $?"; rm -r d; ls -A
truncate -s 1M sparse; dd if=/dev/zero of=sparse bs=1k count=3 seek=10 conv=notrunc 2> /dev/null; stat -c %s sparse
[ "$(du -k sparse | cut -f1)" -lt 200 ] && echo sparse
head -c 200000 /dev/zero | tr '\0' y > big; sha256sum big; split -b 65536 big part; stat -c '%n %s' part*
cat part* | sha256sum; truncate -s 70000 big; truncate -s 150000 big; sha256sum big
mkfifo p; (echo through > p &); cat p; stat -c %F p
ln -s loop loop; cat loop 2> /dev/null; echo "loop $?"; cat . 2> /dev/null; echo "directory $?"
touch -d '2001-02-03 04:05:06.789 UTC' t; stat -c '%Y %y' t | cut -d. -f1,2 | cut -c1-10; [ t -ot b ] && echo older
mkdir -m 1777 sticky; mkdir -m 700 private; stat -c %a sticky private
mkdir x y; touch x/1; mv -T x y; ls y; mkdir z; touch z/2; mv -T z y 2> /dev/null; echo "not empty $?"; mv -n t big; ls t
mkdir -p n/m; mv n n/m 2> /dev/null; echo "into itself $?"
exec 3> out; echo one >&3; echo two >&3; exec 3>&-; exec 4< out; rm out; cat <&4; exec 4<&-
exec 5>> log; exec 6>> log; echo first >&5; echo second >&6; echo third >&5; cat log; exec 5>&- 6>&-
cd sticky; rmdir ../sticky; pwd -P > /dev/null 2>&1; : > file 2> /dev/null; echo "gone $?"; cd "$d"
printf '#!/bin/sh\necho ran "$1"\n' > prog; ./prog 2> /dev/null; echo "not executable $?"
chmod +x prog; ./prog z; install -m 711 prog copy; stat -c %a copy; ./copy y
tee one two < prog > /dev/null; ln -f one two; stat -c %h one; ln one two 2> /dev/null; echo "exists $?"
ln -sfn two c; readlink c; ln -s / root; [ root/. -ef / ] && echo same; realpath --relative-to=/ root/usr/..
cat /dev/fd/7 7<<< here; echo lost 2> /dev/null > /dev/full; echo "full $?"; head -c 3 /dev/zero | od -An -tx1
install -m 600 /dev/null empty; show empty; cp -p empty e2; [ e2 -nt empty ] || echo times kept
touch 'sp ace' $'new\nline' ./-x $'\xff'; ls -b; rm -- -x; : > "$(printf 'n%.0s' {1..255})"; ls | wc -c
(: > "$(printf 'n%.0s' {1..256})") 2> /dev/null; echo "too long $?"
for i in {1..300}; do : > "many$i"; done; ls many* | wc -l; rm many*; ls | grep -c many
cd /; chmod -R u+rwx "$d"; rm -r "$d"; [ -e "$d" ] || echo removed
