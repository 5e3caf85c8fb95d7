# Processors, priorities and classes of processes: taskset, nice, renice, ionice, choom.
taskset -c 0 nproc; taskset 1 sh -c 'grep Cpus_allowed_list /proc/self/status'; taskset -c 0 taskset -cp $$ | sed 's/[0-9][0-9]*/N/'; taskset -p -c 0 $$ | sed 's/[0-9][0-9]*/N/' | tail -n 1; nproc
taskset -c 999 true 2>&1 | sed 's/pid [0-9]*/pid N/'; taskset zz true; echo "exit $?"; taskset -p 999999; echo "exit $?"; taskset -c 0 nosuch; echo "exit $?"; taskset; echo "exit $?"
nice; nice -n 5 nice; nice -n 5 sh -c 'ps -o ni= -p $$' | tr -d ' '; nice -n -5 true 2>&1; renice -n 3 -p $$ | sed 's/^[0-9]*/PID/'; nice; renice -n -3 -p $$ 2>&1 | sed 's/[0-9][0-9]* (/PID (/'; nice
ionice -p $$; ionice -c 3 ionice; ionice -c 2 -n 7 ionice; ionice -c 9 -t true; echo "exit $?"
choom -p $$ | sed 's/[0-9][0-9]*/PID/;s/:.*/:/'; choom -p nosuch; echo "exit $?"
