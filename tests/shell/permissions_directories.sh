# Directories: what r, w and x of a directory allow.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
mkdir d d/sub; echo data >d/file; echo s >d/sub/s
for mode in 000 100 200 300 400 500 600 700; do
    chmod "$mode" d
    printf '%s:' "$mode"
    ls d >/dev/null 2>&1 && printf ' list'
    ls -l d >/dev/null 2>&1 && printf ' list-long'
    cat d/file >/dev/null 2>&1 && printf ' read-file'
    (cd d) 2>/dev/null && printf ' cd'
    cat d/sub/s >/dev/null 2>&1 && printf ' deep'
    touch d/new 2>/dev/null && printf ' create' && rm d/new
    test -e d/file && printf ' exists'
    echo d/* | grep -q file && printf ' glob'
    sudo cat d/file >/dev/null && printf ' root-reads'
    echo
done
chmod 700 d
echo "-- messages"
chmod 000 d
ls d; echo "ls: $?"
cat d/file; echo "cat: $?"
cd d; echo "cd: $?"
touch d/x; echo "touch: $?"
mkdir d/y; echo "mkdir: $?"
rm -r d; echo "rm -r: $?"
stat -c %a d
chmod 400 d; ls -l d 2>/dev/null | sed 's/^total.*/total/'; chmod 700 d
echo "-- removing needs the directory's permission, not the file's"
mkdir e; touch e/ro; chmod 400 e/ro; rm -f e/ro; echo "rm of a read-only file: $?"
touch e/own; chmod 500 e; rm -f e/own; echo "rm in a read-only directory: $?"
mv e/own e/other; echo "mv: $?"; ln e/own e/hard; echo "ln: $?"; mkdir e/sub; echo "mkdir: $?"
chmod 700 e
sudo touch e/of_root; rm -f e/of_root; echo "rm of root's file in one's own directory: $?"
sudo mkdir -p e/rootdir/in; rm -rf e/rootdir; echo "rm -rf of root's full directory: $?"
sudo rm -rf e/rootdir; sudo mkdir e/empty; rmdir e/empty; echo "rmdir of root's empty directory: $?"
sudo mkdir r; sudo touch r/f; touch r/g; echo "create in root's directory: $?"; rm -f r/f; echo "remove there: $?"
mv d r/; echo "move there: $?"; mv r moved && echo "a directory of root's is renamed in one's own"
sudo rm -rf "$PWD"
