# xargs -P: children run beside each other, all are waited for, exit codes are gathered.
# needs: findutils
cd "$(mktemp -d)"
mkfifo a b
# Each of the two needs the other to run.
printf 'a b\nb a\n' | xargs -P 2 -L 1 sh -c 'if [ "$0" = a ]; then echo x >a; read l <b; else read l <a; echo y >b; fi; echo "$0 $l"' | sort
seq 10 | xargs -P 4 -n 1 sh -c 'echo "done $0"' | sort -V
seq 10 | xargs -P 0 -n 1 echo | sort -n | tail -n 1
seq 4 | xargs -P 4 -n 1 sh -c 'exit $(( $0 == 3 ))'; echo "exit $?"
seq 8 | xargs -P 3 -I {} sh -c 'echo {} >out{}'; cat out* | sort -n | paste -sd+
seq 100 | xargs -P 8 -n 7 echo | tr ' ' '\n' | sort -n | md5sum
seq 3 | xargs -P 2 -n 1 --process-slot-var=SLOT sh -c 'echo "$SLOT"' | sort -u | awk '$1 < 2 { n++ } END { print n >= 1 }'
seq 2 | xargs -P 2 -n 1 nosuchcommand 2>/dev/null; echo "exit $?"
