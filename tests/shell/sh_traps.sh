# trap in both shells: EXIT, signals, ignoring, resetting, subshells, listing; bash's ERR, DEBUG, RETURN.
for shell in dash bash; do
    echo "== $shell"
    $shell -c 'trap "echo bye" EXIT; echo hi; exit 3'; echo $?
    $shell -c 'trap "echo bye \$?" 0; false'; echo $?
    $shell -c 'trap "exit 9" EXIT; exit 1'; echo $?
    $shell -c 'trap "echo got TERM" TERM; kill -TERM $$; echo after'; echo $?
    $shell -c 'trap "" TERM; kill -TERM $$; echo ignored'; echo $?
    $shell -c 'trap "" TERM; trap - TERM; kill -TERM $$; echo not reached'; echo $?
    $shell -c 'trap "echo int; exit 5" INT; (kill -INT $$); echo after'; echo $?
    $shell -c 'trap "echo usr1" USR1; trap "echo usr2" USR2; kill -USR1 $$; kill -USR2 $$; kill -USR1 $$'; echo $?
    $shell -c 'trap "echo parent" EXIT; (echo sub); (trap "echo child" EXIT; echo sub2)'; echo $?
    $shell -c 'trap "echo x" HUP INT; trap; trap - HUP INT; trap'; echo $?
    $shell -c 'trap "" HUP; '$shell' -c "kill -HUP \$\$; echo inherited"'; echo $?
    $shell -c 'f() { trap "echo in f" EXIT; }; f; echo done'; echo $?
    $shell -c 'trap "echo one" EXIT; trap "echo two" EXIT; exec true'; echo $?
    $shell -c 'trap "echo \"it'\''s \$x\"" EXIT; x=late'; echo $?
    $shell -c 'trap "echo caught" USR1; sleep 60 & kill -USR1 $$; kill $!; wait $!; echo $?'
    $shell -c 'trap "exit 6" USR1; sleep 60 & p=$!; (kill -USR1 $$) ; wait $p; echo no'; echo $?
    $shell -c 'trap "echo x" NOSUCH' 2>/dev/null; echo $?
    $shell -c 'set -e; trap "echo exit \$?" EXIT; false; echo no'; echo $?
    $shell -c 'kill -9 $$'; echo $?
    $shell -c 'kill -PIPE $$'; echo $?
done 2>/dev/null
set -E
trap 'echo "ERR $? line $LINENO"' ERR; false; (exit 4); if false; then :; fi; ! true; true && false; false || true
f() { return 2; }; f; f | cat; trap - ERR; false
trap 'echo "DEBUG $BASH_COMMAND"' DEBUG; x=1; echo $x; for i in a b; do :; done; trap - DEBUG
shopt -s extdebug; trap '[[ $BASH_COMMAND != *skip* ]]' DEBUG; echo kept; echo skip; trap - DEBUG; shopt -u extdebug
g() { :; }; trap 'echo RETURN' RETURN; g; set -T; g; set +T; trap - RETURN
trap -p; trap 'echo "a b"' USR1; trap -p USR1; trap -p EXIT; trap -l | head -n 1
trap 'echo sig $((128 + 10))' SIGUSR1; kill -s USR1 $$; kill -10 $$; kill -n 10 $$
trap 'trap - EXIT; exit 0' EXIT
