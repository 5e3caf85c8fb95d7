# tic, infocmp, toe: compiling and showing terminal descriptions.
# needs: ncurses-bin ncurses-base
cd "$(mktemp -d)" || exit
export TERMINFO=$PWD/db
cat >mine.src <<'SRC'
# a terminal
mine|my own terminal,
	am, xenl,
	cols#100, lines#30, it#8,
	bel=^G, clear=\E[H\E[2J, cup=\E[%i%p1%d;%p2%dH,
	kf1=\EOP, use=vt100,
SRC
tic -x mine.src; echo $?
infocmp -1 mine | tail -n +2 | head -n 12
tput -T mine cols
tput -T mine longname
tput -T mine cup 3 4 | od -An -c
infocmp -x mine vt100 | tail -n +2
infocmp -c xterm vt100 | head -n 6 | tail -n 4
infocmp -L -1 mine | sed -n '2,5p'
infocmp -C mine | tail -n +3 | head -n 3
tic nosuch.src 2>/dev/null; echo $?
infocmp nosuchterminal 2>&1 | sed 's/^.*terminfo.*$/not there/'; echo "${PIPESTATUS[0]}"
find db -type f | sed 's/.*\///' | sort
toe db | tr -s '\t ' ' ' | sort
