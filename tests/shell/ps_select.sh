# ps (procps): choosing processes, columns without headers, exit codes.
# needs: procps
started() { until [ "$(cat /proc/$1/comm)" = "$2" ]; do :; done; }
sleep 100 & a=$!
started $a sleep
ps -p $a -o comm=
ps -p $a -o pid= | grep -cx " *$a"
ps -o comm= --ppid $$ | grep -c sleep
ps -C sleep -o args=
ps -C nosuch -o pid=; echo "code $?"
ps -p 99999 -o pid,comm; echo "code $?"
ps -p $a,$$ -o comm= | sort
ps $a -o comm= | tail -n 1
ps -q $a -o ppid= | grep -cx " *$$"
ps -u "$(id -un)" -o comm= | grep -c sleep
ps -U 0 -o user= | sort -u
ps -N -p $a -o comm= | grep -c sleep
ps -p "$a" -o pid= -o args= --no-headers | sed "s/$a/PID/; s/^ *//"
ps -e -o comm= | grep -cx sleep
ps -A -o user=,comm= | awk '$2 == "sleep" { print $1 }'
ps ax -o comm= | grep -cx sleep
kill $a; wait $a; echo "code $?"
