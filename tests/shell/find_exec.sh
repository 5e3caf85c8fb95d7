# find: -exec with ; and +, -execdir, -ok, -delete; what they return and the exit code.
# needs: findutils
cd "$(mktemp -d)"
mkdir -p t/u; echo 1 >t/one; echo 2 >t/u/two; echo 3 >'t/u/three with space'
find t -type f -exec echo got {} \; | sort
find t -type f -exec echo {} + | tr ' ' '\n' | sort
find t -type f -exec sh -c 'echo "$#: $1"' sh {} \; | sort
find t -type f -exec sh -c 'printf "%s\n" "$#"' sh {} +
find t -name one -exec echo a{}b {} \;
find t -type f -exec grep -q 2 {} \; -print
find t -type f ! -exec grep -q 2 {} \; -print | sort
find t -name one -exec false \; -print; echo "exit $?"
find t -name one -exec false {} +; echo "exit $?"
find t -name one -exec true \; -exec echo both {} \;
find t -type f -execdir pwd \; | sed 's#.*/t#t#' | sort
find t -type f -execdir echo {} \; | sort
find t -name one -exec nosuchcommand {} \; ; echo "exit $?"
find t -name one -exec cat {} \; -exec wc -l {} \;
find t -name one -exec cat \; </dev/null
echo y | find t -name one -ok echo asked {} \; 2>/dev/null
echo n | find t -name one -ok echo asked {} \; 2>/dev/null
find t -type f -exec chmod 600 {} + && find t -perm 600 | wc -l
find t -name 'three*' -exec mv {} t/three \; ; ls t
find t -type f -name 'o*' -delete; find t | sort
find t -empty -delete; find t -type f -delete; find t | sort
find t -delete; ls t; echo "exit $?"
mkdir -p k/l; : >k/l/m; find k -name l -delete; echo "exit $?"
for i in $(seq 300); do : >"k/f$i"; done
find k -name 'f*' -exec echo {} + | wc -w
find k -type f -exec sh -c 'exit 3' \; ; echo "exit $?"
find k -maxdepth 1 -name 'f1?' -exec sh -c 'for f; do echo "${f##*/}"; done' sh {} + | sort | head -n 3
seq 3 | find k -name f1 -exec cat \;
find k -name f2 -exec sh -c 'kill -TERM $$' \; ; echo "exit $?"
