trap 'echo usr1' USR1
kill -USR1 $$
(trap 'echo term; exit 5' TERM; kill -TERM $BASHPID; echo never)
echo "status $?"
yes | head -n 2
echo "${PIPESTATUS[*]}"
trap - USR1
bash -c 'trap "echo bye" EXIT; exit 3'; echo $?
