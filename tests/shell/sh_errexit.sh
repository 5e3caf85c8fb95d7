# set -e: where a failure ends the shell and where it does not (POSIX 2.14.1 set -e, XCU).
cases=(
'false; echo no' 'false || true; echo yes' 'true && false; echo yes' 'false && true; echo yes'
'if false; then :; fi; echo yes' 'while false; do :; done; echo yes' 'until true; do :; done; echo yes' '! true; echo yes'
'! false; echo yes' 'false | true; echo yes' 'true | false; echo no' '(false); echo no' '(false) || echo yes'
'{ false; }; echo no' 'f() { false; echo inside; }; f; echo no' 'f() { false; echo inside; }; f || true; echo yes'
'f() { false; echo inside; }; if f; then echo then; fi; echo yes' 'x=$(false); echo no' 'x=$(false) true; echo yes' 'echo $(false) yes'
'export x=$(false); echo yes' 'readonly x=$(false); echo yes' 'x=$(false; echo out); echo no' 'eval false; echo no' 'eval false || echo yes'
'command false; echo no' 'for i in 1 2; do false; done; echo no' 'for i in 1 2; do false && :; done; echo yes' 'case x in x) false;; esac; echo no'
'(set +e; false; echo sub); echo yes' 'set +e; false; echo yes' '(exit 5); echo no' 'exit 0; echo no' 'false & wait $!; echo no' 'false & wait; echo yes'
'trap "echo trap \$?" EXIT; false' 'sh -c "exit 7"; echo no' 'test 1 = 2; echo no' '[ -e /nonexistent ] || echo yes' ': $(false); echo yes'
'. /dev/null; echo yes' 'cd /nonexistent; echo no' 'nosuchcommand; echo no' 'f() { return 3; }; f; echo no' '( f() { false; }; f; echo no ); echo no' 'true; (true; false; true); echo yes'
)
for shell in dash bash; do
    for c in "${cases[@]}"; do
        printf '%s: ' "$c"; printf '%s ' $($shell -e -c "$c" 2>/dev/null; echo "[$?]"); echo
    done
done
bash -ec 'set -o pipefail; false | true; echo no'; echo $?
bash -ec '((0)); echo no'; echo $?; bash -ec '[[ a = b ]]; echo no'; echo $?; bash -ec 'let 0; echo no'; echo $?
bash -ec 'local_test() { local x=$(false); echo yes; }; local_test'; bash -ec 'echo $(false; echo still) yes'
bash -ec 'shopt -s inherit_errexit; echo "[$(false; echo still)]"'; bash -o posix -ec 'echo "[$(false; echo still)]"'
bash -ec 'f() { false; }; f | cat; echo yes'; bash -ec 'while read -r x; do false; done <<< a; echo no'; echo $?
bash -c 'set -e; echo "$-" | grep -o e; set -o | grep errexit; set +o | grep errexit'
