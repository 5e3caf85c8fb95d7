# What a login shell reads: /etc/profile, /etc/profile.d, ~/.profile, ~/.bashrc, ~/.bash_logout.
# needs: sudo
cd || exit
bash -lc 'echo "$PATH"'; sudo -i sh -c 'echo "$PATH"'; sudo bash -lc 'echo "$PATH"'
env -i HOME="$HOME" bash -lc 'echo "$PATH"; echo "${PS1-unset}"'
printf 'export FROM_D=1\n' | sudo tee /etc/profile.d/x.sh >/dev/null; printf 'export NOT_SH=1\n' | sudo tee /etc/profile.d/y >/dev/null
bash -lc 'echo "[$FROM_D] [$NOT_SH]"'; sh -lc 'echo "[$FROM_D]"'; bash -c 'echo "[$FROM_D]"'
sudo -i sh -c 'echo "[$FROM_D]"'; sudo -u user -i sh -c 'echo "[$FROM_D]"'
mkdir -p ~/bin ~/.local/bin; bash -lc 'echo "$PATH"'
echo 'echo from bash_profile' >~/.bash_profile; bash -lc 'echo run'; rm ~/.bash_profile
echo 'echo from bash_login' >~/.bash_login; bash -lc 'echo run'; rm ~/.bash_login
echo 'echo from profile' >>~/.profile; bash -lc 'echo run'; sh -lc 'echo run'; bash --noprofile -lc 'echo run'
echo 'echo from bashrc' >~/.bashrc; bash -ic 'echo run' 2>/dev/null; bash -c 'echo run'; bash --norc -ic 'echo run' 2>/dev/null
echo 'echo from logout' >~/.bash_logout; bash -lc 'exit 3'; echo "exit: $?"; echo 'exit 4' | bash -l; echo "exit: $?"
echo 'echo from BASH_ENV' >env.sh; BASH_ENV=env.sh bash -c 'echo run'; ENV=$PWD/env.sh sh -ic 'echo run' 2>/dev/null
sudo useradd -m -s /bin/bash ann; for f in .bashrc .profile .bash_logout; do sudo cmp /etc/skel/$f /home/ann/$f && echo "$f of skel"; done
sudo userdel -r ann 2>/dev/null; sudo rm /etc/profile.d/x.sh /etc/profile.d/y
