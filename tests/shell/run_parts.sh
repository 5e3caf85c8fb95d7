# run-parts: which files run, in what order, with what.
cd "$(mktemp -d)" || exit
mkdir d; for n in 10-b 20-a 05-c bad.sh no~ .hidden sub-_x; do printf '#!/bin/sh\necho "$(basename $0) $*"\n' >d/$n; chmod +x d/$n; done
printf '#!/bin/sh\necho not executable\n' >d/15-n; mkdir d/30-dir; ln -s 10-b d/40-link
echo "-- run"; run-parts d; echo "exit: $?"
echo "-- list"; run-parts --list d; echo "-- test"; run-parts --test d
echo "-- regex"; run-parts --regex='\.sh$' d; run-parts --list --regex '^[a-z].*' d
echo "-- arguments"; run-parts -a one --arg='two words' d
echo "-- reverse"; run-parts --reverse d
echo "-- verbose"; run-parts -v d 2>&1; echo "-- report"; run-parts --report d
printf '#!/bin/sh\necho failing; exit 3\n' >d/12-fail; chmod +x d/12-fail
echo "-- failing"; run-parts d >/dev/null; [ $? -ne 0 ] && echo failed
run-parts --exit-on-error d || echo failed
printf '#!/bin/sh\nkill -9 $$\n' >d/12-fail; run-parts --exit-on-error d || echo failed
printf '#!/bin/sh\numask\n' >d/12-fail; run-parts --regex '^12' -u 077 d; run-parts --regex '^12' d
printf 'in' | run-parts --regex '^12' --stdin d
run-parts; echo "exit: $?"; run-parts --nosuch d 2>/dev/null; echo "exit: $?"
