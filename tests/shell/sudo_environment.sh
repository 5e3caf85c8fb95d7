# What of the environment a command under sudo sees.
# needs: sudo
export FOO=bar LC_TIME=C TERM=vt100 EDITOR=ed DISPLAY=:1 COLUMNS=80 'FUNC=() { echo x; }'
names='^(FOO|LC_TIME|TERM|EDITOR|DISPLAY|FUNC|HOME|USER|LOGNAME|SHELL|PATH|LANG|SUDO_COMMAND|SUDO_USER|SUDO_UID|SUDO_GID|MAIL|A|B)='
show="env | grep -E '$names' | sort"
echo "-- plain"; sudo sh -c "$show"
echo "-- as another user"; sudo -u nobody sh -c "$show" | grep -E '^(HOME|USER|LOGNAME|SHELL|SUDO_USER)='
echo "-- with VAR=value"; sudo A=1 B='two words' FOO=baz sh -c "$show" | grep -E '^(A|B|FOO)='
echo "-- -E"; sudo -E sh -c "$show" | grep -E '^(FOO|EDITOR|DISPLAY|HOME|USER|PATH)='
echo "-- --preserve-env=FOO,NONE"; sudo --preserve-env=FOO,NONE sh -c "$show" | grep -E '^(FOO|EDITOR|NONE)='
echo "-- -H"; sudo -EH sh -c 'echo $HOME'
echo "-- -u user -H"; sudo sudo -u user -H sh -c 'echo $HOME'
echo "-- before sudo"; X=1 sudo sh -c 'echo "[$X]"'
echo "-- env"; sudo env -i A=1 env
echo "-- PATH is secure_path"; PATH=/nowhere:/usr/bin sudo sh -c 'echo $PATH'
echo "-- -s"; sudo -s 'echo $HOME $USER $0' | sed 's,/.*/bash,bash,'
echo "-- SHELL"; SHELL=/bin/sh sudo -s 'echo $0'
