# ps (procps): the ready-made layouts and the tree.
# needs: procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
ps -f | head -n 1
ps -l | head -n 1
ps -ef | head -n 1
ps -eF | head -n 1
ps u | head -n 1
ps aux | head -n 1
ps l | head -n 1
ps j | head -n 1
ps -j | head -n 1
ps v | head -n 1
ps -ely | head -n 1
ps x | head -n 1
bash -c 'bash -c "sleep 100 & echo \$! >\$1; exec 3>&1; wait" x "$1" & wait' x "$HOME/pid" & top=$!
until [ -s "$HOME/pid" ]; do :; done
s=$(cat "$HOME/pid"); started "$s" sleep
ps --forest -eo args= | sed -n '/sleep 100$/p' | sed 's/^.*\(.....sleep\)/\1/'
ps f -o args= -p "$s,$top,$(ps -o ppid= -p "$s" | tr -d ' ')" | sed 's/bash -c.*/bash/'
ps -H -o args= -p "$s,$(ps -o ppid= -p "$s" | tr -d ' ')" | sed 's/bash -c.*/bash/'
ps axo args= | grep -c '^sleep 100$'
ps -eo args= | sed -n 's/^\(sleep 100\)$/\1/p'
ps ww -o args= -p "$top" | grep -c wait
ps -o args= -p "$top" --columns 20
ps e -o args= -p "$s" | grep -c 'HOME=/home/user'
kill "$s"
wait
