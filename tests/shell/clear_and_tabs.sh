# clear, reset, tset, tabs: what they write.
# needs: ncurses-bin ncurses-base
export TERM=xterm-256color
clear | od -An -c
clear -x | od -An -c
clear -T vt100 | od -An -c
clear -T nosuchterm; echo $?
env -u TERM clear; echo $?
tput reset | od -An -c
tput init | od -An -c
tput clear | od -An -c
tabs -4 | od -An -c | head -n 2
tabs -T vt100 8,16,24 | od -An -c
tset -q 2>&1; echo $?
tset -s xterm-256color 2>/dev/null; echo $?
tty; echo $?
stty size; echo $?
