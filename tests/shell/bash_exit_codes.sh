# Exit codes: 126, 127, 128 + n, of builtins, of syntax errors, of what cannot be run.
d=$(mktemp -d); cd "$d" || exit
nosuchcommand; echo $?; ./nosuch; echo $?; touch plain; ./plain; echo $?; chmod 755 plain; ./plain; echo $?; mkdir dir; ./dir; echo $?; dir/; echo $?; printf '#!/nonexistent/interp\n' > badint; chmod 755 badint; ./badint 2>/dev/null; echo $(($? >= 126)); printf 'echo no interpreter line; exit 4\n' > noint; chmod 755 noint; ./noint; echo $?; printf '\177ELF garbage' > elf; chmod 755 elf; ./elf 2>/dev/null; echo $?; plain/x; echo $?; '' ; echo $?; ' '; echo $?; /; echo $?; . nosuch; echo $?; . ./dir; echo $?; exec nosuch; echo "not reached in a script"
cd /; rm -r "$d"
