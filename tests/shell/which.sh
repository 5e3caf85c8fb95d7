# which, type, command -v and where programs are found.
cd "$(mktemp -d)" || exit
which sh bash ls; which nosuch; echo "none: $?"
which ls nosuch sh; echo "one of three: $?"
which -a sh; which /bin/sh; which ./x; echo "no such path: $?"
printf '#!/bin/sh\necho mine\n' >x; which ./x; echo "not executable: $?"; chmod +x x; which ./x
PATH=$PWD:$PATH; which x | sed "s,$PWD,HERE,"; cp x ls; which ls | sed "s,$PWD,HERE,"; which -a ls | sed "s,$PWD,HERE,"; ls; hash -r
which which.debianutils; which -q >/dev/null 2>&1; echo "bad option: $?"; which; echo "nothing: $?"
type x | sed "s,$PWD,HERE,"; command -v x | sed "s,$PWD,HERE,"; type -t x cd if; command -v cd; command -V cd; type nosuch; echo "type: $?"
PATH=/nowhere; /usr/bin/which sh; echo "PATH of nowhere: $?"
