# vim as a line editor: ranges, substitution, global, registers, filters, writing.
# needs: vim
cd "$(mktemp -d)" || exit
export TERM=dumb
new() { printf '%s\n' one two three four five >f; }
run() { new; printf '%s\n' "$@" 'wq' | vim -u NONE -i NONE -n -es f; echo "code $?"; cat f; }
run '2,3d'
run '%s/o/0/g'
run 'g/t/m0'
run 'v/e/d'
run '2t$' '$s/two/2/'
run '1,2j' '%s/\v(\w+) (\w+)/\2-\1/'
run 'normal ggdwAx'
run 'a' 'new line' '.'
run '%!sort'
run 'r !echo from the shell'
run '2r /dev/null' '0put =\"first\"'
run '%s/\n/,/' 's/,$//'
run 'g/^t/normal Iz'
run 'let @a = "reg"' '$put a'
run 'sort u' '2>' '%retab'
run 'let x = system("echo $((6*7))")' '$put =x'
run '/three/,$d'
run '%s/e/&&/ge' 'undo'
run 'normal! qaA!'$'\x1b''jq3@a'
new; printf '%s\n' 'w! g' 'q!' | vim -u NONE -i NONE -n -es f; cat g
new; vim -u NONE -i NONE -n -es -c 's/one/ONE/' -c 'x' f; head -n 1 f
new; ex -u NONE -i NONE -n -s f <<<$'$d\nx'; wc -l <f
new; vim -u NONE -i NONE -n -es +'cquit 3' f; echo $?
new; chmod 444 f; vim -u NONE -i NONE -n -es -c 'w' -c 'q' f </dev/null; echo $?
vim -u NONE -i NONE -n -es +'echo nosuchvariable' +'qa!' 2>/dev/null; echo $?
view -u NONE -i NONE -n -es -c 'echo &readonly' -c 'q' f; echo
printf 'x y\n' | vim -u NONE -i NONE -n -es -c '%s/x/z/' -c '%p' -c 'q!' -
