true; echo $?
false; echo $?
(exit 7); echo $?
sh -c 'exit 42'; echo $?
{ bash -c 'kill -TERM $$'; echo $?; } 2>/dev/null
nonexistent-command 2>/dev/null; echo $?
/ 2>/dev/null; echo $?
false | true; echo "$? ${PIPESTATUS[*]}"
set -o pipefail; false | true; echo $?
! true; echo $?
f() { return 9; }; f; echo $?
trap 'echo leaving' EXIT
exit 7
