# sudo -i and sudo -s: shells, with and without a command.
# needs: sudo
cd /tmp || exit
sudo -i pwd
sudo -s pwd
sudo -i -u user pwd
sudo -i 'echo $HOME; echo $USER; echo $0'
sudo -s 'echo $HOME; echo $USER'
sudo -i printf '%s|' 'a b' '$HOME' '*' "it's"; echo
sudo -s printf '%s|' 'a b' '$HOME' '*' "it's"; echo
sudo -i exit 3; echo "exit: $?"
sudo -s exit 4; echo "exit: $?"
echo 'pwd; id -un; exit 5' | sudo -i; echo "exit: $?"
echo 'pwd; id -un; exit 6' | sudo -s; echo "exit: $?"
sudo -i shopt -q login_shell; echo "login shell: $?"
sudo -s shopt -q login_shell; echo "login shell: $?"
sudo -i env | grep -E '^(HOME|USER|LOGNAME|SHELL|PWD|FOO)=' | sort
FOO=1 sudo -i sh -c 'echo "[$FOO]"'
sudo FOO=2 -i sh -c 'echo "[$FOO]"' 
