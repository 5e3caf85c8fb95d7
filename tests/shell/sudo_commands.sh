# What sudo runs, as whom, and how it ends.
# needs: sudo
sudo id -u
sudo whoami
sudo -u user whoami
sudo -u '#0' id -un
sudo -u nobody id -un
sudo -g sudo id -gn
sudo -u nobody -g tty id -Gn
sudo -- id -u
sudo -n true; echo "-n: $?"
sudo true; echo "true: $?"
sudo false; echo "false: $?"
sudo sh -c 'exit 42'; echo "exit 42: $?"
sudo nosuch_command; echo "no such command: $?"
sudo ./nosuch; echo "no such path: $?"
sudo /etc; echo "a directory: $?"
sudo /etc/passwd; echo "no program: $?"
sudo -u nosuch_user id 2>/dev/null; echo "no such user: $?"
sudo -g nosuch_group id 2>/dev/null; echo "no such group: $?"
sudo -k; echo "-k: $?"
sudo -K; echo "-K: $?"
echo in | sudo cat
printf 'a b\nc\n' | sudo sed 's/ /-/' | tr a-z A-Z
sudo printf '%s|' 'one two' 'three*' '$HOME' ''; echo
sudo sh -c 'echo out; echo err >&2' 2>&1
sudo sudo -u user sudo id -un
(cd /tmp && sudo pwd)
sudo -l true
sudo -l nosuch_command; echo "-l of none: $?"
sudo -l >/dev/null; echo "-l: $?"
umask 077; sudo sh -c umask
