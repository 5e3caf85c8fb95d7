# su as root: another user's id, environment and shell, without a password.
# user: root
useradd -m -s /bin/bash ann; useradd -M -s /usr/sbin/nologin daemonish
cd /tmp || exit
su ann -c 'id -un; id -gn; pwd'
su - ann -c 'id -un; pwd'
su -l ann -c 'echo $HOME $USER $LOGNAME $SHELL'
su ann -c 'echo $HOME $USER $LOGNAME $SHELL'
su -s /bin/sh ann -c 'echo $0 $SHELL'
su -s /bin/sh nobody -c 'id -un; pwd'
su -c 'id -un'
su - -c 'pwd; echo $PATH'
su - ann -c 'echo $PATH'
FOO=bar su ann -c 'echo "kept [$FOO]"'
FOO=bar su - ann -c 'echo "login [$FOO]"'
FOO=bar su -p ann -c 'echo "preserved [$FOO] $HOME $USER"'
FOO=bar su -m ann -c 'echo "preserved [$FOO]"'
su ann -c 'exit 42'; echo "exit: $?"
su ann -c 'nosuch_command' 2>/dev/null; echo "no such command: $?"
su daemonish -c id; echo "nologin: $?"
su nosuch_user -c id 2>/dev/null; echo "no such user: $?"
su -s /nosuch ann -c id 2>/dev/null; echo "no such shell: $?"
echo 'id -un; echo $0; exit 7' | su ann; echo "exit: $?"
echo 'pwd; shopt -q login_shell && echo login; exit 8' | su - ann; echo "exit: $?"
su ann -c 'cat; echo err >&2' <<<'standard input' 2>&1
su ann -c 'printf "%s|" "$@"' -- name a 'b c'; echo
su ann -c 'touch /tmp/of_ann'; stat -c '%U %G %a' /tmp/of_ann
su ann -c 'touch /etc/x' 2>/dev/null; echo "may not: $?"
su ann -c 'id -G' | wc -w
