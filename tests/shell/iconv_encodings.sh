# iconv: from and to UTF-8, marks of order, what cannot be said: errors, -c, //TRANSLIT; files, -o; errors.
d=$(mktemp -d); cd "$d" || exit
printf 'gr\xfc\xdfe \xe9t\xe9\n' >latin; iconv -f ISO-8859-1 -t UTF-8 latin; iconv -f latin1 -t utf8 latin | od -c | head -n 1
echo 'grüße été' | iconv -f UTF-8 -t ISO-8859-1 | od -An -c; echo 'привет' | iconv -t KOI8-R | od -An -tx1; echo 'привет' | iconv -t CP1251 | iconv -f WINDOWS-1251
for to in UTF-16 UTF-16LE UTF-16BE UTF-32 UTF-32LE UTF-32BE UCS-2LE; do printf 'aé€' | iconv -f UTF-8 -t $to | od -An -tx1 | sed "s/^/$to/"; done
printf '\xff\xfea\0b\0' | iconv -f UTF-16; echo; printf '\xfe\xff\0a\0b' | iconv -f UTF-16; echo; printf 'a\0b\0' | iconv -f UTF-16; echo; printf 'a\0\0\0' | iconv -f UTF-32LE -t UTF-8; echo
printf '😀' | iconv -t UTF-16LE | od -An -tx1; printf '\x3d\xd8\x00\xde' | iconv -f UTF-16LE; echo
printf '\x82\xb1\x82\xf1\n' | iconv -f SHIFT_JIS -t UTF-8; echo 'こん' | iconv -t EUC-JP | od -An -tx1; printf '\xb9\xfa\n' | iconv -f EUC-JP
echo 'aéb' | iconv -t ASCII; echo "exit $?"; echo 'aéb' | iconv -c -t ASCII
echo 'é ü ñ Å ç ß æ œ – — “x” ‘y’ … € © ½ ﬁ' | iconv -t ASCII//TRANSLIT; echo "exit $?"
echo '日本 naïve' | iconv -f UTF-8 -t ASCII//TRANSLIT; echo "exit $?"; echo 'Łódź' | iconv -t ISO-8859-1//TRANSLIT | od -An -c
printf 'a\xffb\n' | iconv -f UTF-8 -t ISO-8859-1; echo "exit $?"; printf 'a\xc3' | iconv -f UTF-8 -t UTF-16LE >/dev/null; echo "exit $?"
seq 5000 | sed 's/$/ é/' >many; iconv -f UTF-8 -t ISO-8859-15 many | wc -c; iconv -f UTF-8 -t UTF-16LE many | iconv -f UTF-16LE | cmp - many && echo the same
iconv -f UTF-8 -t ISO-8859-1 -o out many many; wc -c <out; echo x | iconv -f UTF-8 - nosuch; echo "exit $?"; iconv --bad 2>&1 | head -n 1; iconv -l | tr -d / | tr ' ,' '\n\n' | grep -cxE 'UTF-8|UTF-16LE|ISO-8859-1|CP1252|KOI8-R|EUC-JP'
cd /; rm -r "$d"
