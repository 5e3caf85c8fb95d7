# The sticky bit: in /tmp only the owner of a file, of the directory, or root removes and renames.
# needs: sudo
stat -c '%a %U %G' /tmp /var/tmp
cd "$(mktemp -d)" || exit; chmod 755 .
mkdir s; chmod 1777 s; ls -ld s | cut -c1-10
sudo -u nobody touch s/theirs; touch s/mine; sudo touch s/roots
rm -f s/mine; echo "own: $?"
rm -f s/theirs; echo "own directory: $?"
sudo chown root s; touch s/mine; sudo -u nobody touch s/theirs
rm -f s/theirs; echo "theirs: $?"
mv s/theirs s/x; echo "rename theirs: $?"
touch s/over; mv -f s/over s/theirs; echo "rename over theirs: $?"
sudo -u nobody rm -f s/mine; echo "nobody removes mine: $?"
mv s/mine s/yours; echo "rename own: $?"
sudo -u nobody mkdir s/dir; rmdir s/dir; echo "rmdir theirs: $?"
sudo rm s/theirs; echo "root: $?"
chmod 777 s; echo "chmod of root's: $?"
sudo chmod 777 s; sudo -u nobody touch s/t; rm -f s/t; echo "without the sticky bit: $?"
chmod +t .; stat -c %A .; chmod 1754 .; stat -c %A .; chmod 755 .; stat -c %A .
touch f; chmod +t f; stat -c '%A %a' f
sudo rm -rf "$PWD"
