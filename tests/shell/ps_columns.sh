# ps (procps): column names, headers, widths, sorting, states.
# needs: procps
# Waits until it runs and sleeps.
started() { until [ "$(cat /proc/$1/comm)" = "$2" ] && grep -q '^State:.S' /proc/$1/status; do :; done; }
sleep 100 & a=$!
sleep 200 & b=$!
started $a sleep; started $b sleep
ps -p $a -o user,uid,group,gid,ni,stat,tty,comm,args
ps -p $a -o ruser,euser,suser,fuser,rgroup,egroup,cls,pri,comm
ps -p $a -o "%U|%G|%c|%a|%n|%y"
ps -p $a -o user:12,comm:20,args | cat -A
ps -p $a -o comm=NAME -o ni=NICE
ps -p $a -o "comm=A long heading"
ps -p $a,$b -o args= --sort=args
ps -p $a,$b -o args= --sort=-args
ps -p $a,$b -o args= k -args
ps -p $a -o ppid= | awk -v p="$$" '{ print ($1 == p) }'
ps -p $a -o s=,state=,nlwp=,thcount=
kill -STOP $a
until [ "$(ps -o s= -p $a)" = T ]; do :; done
ps -p $a -o stat=
kill -CONT $a
until [ "$(ps -o s= -p $a)" = S ]; do :; done
ps -p $a -o etime=,etimes=,time=,cputime= | tr 0-9 N | sed 's/ \{1,\}N\{1,\} / N /'
ps -p $a -o lstart= | wc -w
ps -p $a -o vsz=,rss= | awk '{ print ($1 > 0), ($2 > 0), ($1 >= $2) }'
ps -p $a -o pcpu=,pmem= | tr 0-9 N | sed 's/NN\./ N./g'
nice -n 5 sleep 300 & c=$!
started $c sleep
ps -p $c -o ni=,stat=
kill $a $b $c
