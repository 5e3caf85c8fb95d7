# less where there is no terminal: it copies, as cat does.
# needs: less
cd "$(mktemp -d)" || exit
seq 1 5 >five
printf 'a\tb\001\377\n' >odd
less five
seq 1 3 | less
less five odd | od -An -c
less nosuch; echo $?
less five nosuch; echo $?
less . ; echo $?
echo piped | less -
less -N five
less -S +3 five
less +/4 five
LESS=-R less five | tail -n 1
less --nosuch five 2>&1 | head -n 1
printf '' | less; echo $?
seq 1 100000 | less | head -n 1
echo x | pager
lessecho a 'b c' "d'e" '*'
less -V | head -n 1 | cut -d' ' -f1
PAGER=less; seq 3 | $PAGER
chmod 000 five; less five; echo $?
