# tput: capabilities of usual terminals, parameters, sizes, exit codes.
# needs: ncurses-bin ncurses-base
show() { "$@" | od -An -c; }
for t in xterm-256color xterm linux screen screen-256color tmux tmux-256color vt100 ansi dumb rxvt; do
    echo "$t: $(tput -T $t colors) $(tput -T $t longname)"
    for c in bold sgr0 clear el ed smso rmso smul rmul rev cud1 home civis cnorm; do
        echo "$c $(tput -T $t $c | od -An -c | tr -s ' ')"
    done
done
export TERM=xterm-256color
show tput setaf 1
show tput setaf 9
show tput setab 200
show tput cup 5 10
show tput csr 0 10
show tput cuf 3
show tput smcup
show tput rmcup
show tput kf1
show tput kcuu1
show tput sgr 0 1 0 0 0 1
tput am; echo $?
tput hz; echo $?
tput it
COLUMNS=132 LINES=50 tput cols
COLUMNS=132 LINES=50 tput lines
tput cols
tput lines
printf 'bold\nsgr0\n' | tput -S | od -An -c
tput nosuchcap; echo $?
TERM=nosuchterm tput bold; echo $?
tput -T nosuchterm bold; echo $?
env -u TERM tput bold; echo $?
tput 2>/dev/null; echo $?
