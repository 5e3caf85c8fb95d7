# Hard links to other people's files (fs.protected_hardlinks), symbolic links and their permissions.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
sudo sh -c 'echo r >root_ro; echo w >root_rw; chmod 666 root_rw; echo n >root_none; chmod 600 root_none; cp /bin/true root_suid; chmod 4755 root_suid; chmod 666 root_rw'
cat /proc/sys/fs/protected_hardlinks
ln root_ro a; echo "readable only: $?"
ln root_none b; echo "neither: $?"
ln root_suid c; echo "setuid: $?"
ln root_rw d; echo "readable and writable: $?"
ln /etc/passwd e 2>/dev/null; echo "of another directory: $?"
touch own; ln own own2; echo "own: $?"; stat -c %h own
chmod 000 own; ln own own3; echo "own, unreadable: $?"
sudo ln root_ro f; echo "root: $?"
mkdir dir; ln dir g; echo "a directory: $?"
ln nosuch h; echo "none: $?"; ln own own2; echo "exists: $?"; ln -f own own2; echo "-f, the same: $?"
mkfifo p; ln p p2; echo "a fifo: $?"
ln -s own s; ln s s2; stat -c '%F %h' s2; ln -P s s3; ln -L s s4; stat -c '%F' s3 s4
echo "-- symbolic links"
ln -s /etc/shadow sh; cat sh; echo "cat: $?"; ls -l sh | cut -c1-10
stat -c '%A %U' sh; chmod 600 sh; echo "chmod follows: $?"
ln -s loop2 loop1; ln -s loop1 loop2; cat loop1; echo "loop: $?"; ls loop1/x; echo "loop in a path: $?"
ln -s nowhere dang; cat dang; echo "dangling: $?"; echo x >dang; cat nowhere; test -e dang && echo there
ln -s "$(printf 'x%.0s' {1..300})" long; readlink long | wc -c; cat long 2>/dev/null; echo "long name: $?"
ln -s '' empty; echo "empty: $?"
sudo ln -s /etc/shadow by_root; rm by_root; echo "root's link in one's own directory: $?"
mkdir -m 700 closed; touch closed/f; ln -s closed/f into; chmod 000 closed; cat into; echo "through a closed directory: $?"; chmod 700 closed
cp -P s copied; readlink copied; cp -L into real; stat -c %F real; mv into moved; readlink moved
readlink own; echo "readlink of a file: $?"; readlink -f ./dang/../own >/dev/null; echo "readlink -f: $?"
sudo rm -rf "$PWD"
