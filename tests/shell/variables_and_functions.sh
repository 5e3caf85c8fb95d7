unset u; echo "${u:-default} ${u:+set} ${#HOME}" | sed 's/[0-9]*$//'
s=hello.tar.gz; echo "${s%.*} ${s%%.*} ${s#*.} ${s##*.} ${s^^} ${s:1:3} ${s/l/L}"
f() { local x=inner; echo "$x $# $2"; x=changed; }
x=outer; f a b c; echo "$x"
set -- one "two three"; echo $# "$2"; shift; echo "$1"
export E=exported; bash -c 'echo $E'
readonly R=1; (R=2) 2>/dev/null; echo $?
printf '%05d|%-6s|%x|%q\n' 42 ab 255 'a b'
case abc in a*) echo starts ;; *) echo other ;; esac
for ((i = 0; i < 3; i++)); do printf '%d ' "$i"; done; echo
i=0; until (( i >= 3 )); do (( i++ )); done; echo "$i"
