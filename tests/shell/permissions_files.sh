# Reading, writing and executing: owner, group and others, for a user and for root.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
printf '#!/bin/sh\necho ran\n' >script
for mode in 000 100 200 300 400 500 600 700 070 007 770 707; do
    cp script f; chmod "$mode" f
    printf '%s:' "$mode"
    cat f >/dev/null 2>&1 && printf ' r'
    { echo '# x' >>f; } 2>/dev/null && printf ' w'
    ./f >/dev/null 2>&1 && printf ' x'
    printf ' root:'
    sudo cat f >/dev/null 2>&1 && printf ' r'
    sudo sh -c 'echo "# x" >>f' 2>/dev/null && printf ' w'
    sudo ./f >/dev/null 2>&1 && printf ' x'
    test -r f && printf ' -r'; test -w f && printf ' -w'; test -x f && printf ' -x'
    echo; rm -f f
done
echo "-- somebody else's file"
for mode in 600 604 602 606 640 620 607; do
    sudo sh -c "cp script g; chmod $mode g"
    printf '%s:' "$mode"
    cat g >/dev/null 2>&1 && printf ' r'
    { echo '# x' >>g; } 2>/dev/null && printf ' w'
    ./g >/dev/null 2>&1 && printf ' x'
    echo; sudo rm g
done
echo "-- a file of a group that the user is in"
for mode in 040 020 070 007 604; do
    sudo sh -c "cp script h; chown root:sudo h; chmod $mode h"
    printf '%s:' "$mode"
    cat h >/dev/null 2>&1 && printf ' r'
    { echo '# x' >>h; } 2>/dev/null && printf ' w'
    ./h >/dev/null 2>&1 && printf ' x'
    echo; sudo rm h
done
echo "-- messages"
touch none; chmod 000 none
cat none; echo "cat: $?"
echo x >none; echo "write: $?"
cp none copy; echo "cp: $?"
head -n 1 none; echo "head: $?"
wc -c none; echo "wc: $?"
. ./none; echo "source: $?"
./none; echo "run: $?"
chmod 200 none; echo data >none; echo "write only: $?"; cat none; chmod 400 none; cat none
echo more >>none; echo "append to read only: $?"
sudo rm -rf "$PWD"
