# find: -printf, -print0, -ls, -fprint, -prune.
# needs: findutils
cd "$(mktemp -d)"
mkdir -p p/q p/skip/inner; echo hello >p/q/f; ln -s q/f p/l; chmod 751 p/q; chmod 604 p/q/f
touch -d '2024-02-03 04:05:06 UTC' p/q/f
find p -name f -printf '%p|%f|%h|%P|%H|%d|%s|%y|%m|%M|%n\n'
find p -name l -printf '%p -> %l %y %Y\n'
find p/q/f -printf '%TY-%Tm-%Td %TH:%TM\n%T@\n' | sed 's/\.0*$//'
find p/q/f -printf '%t|%a' | wc -l
find p -name f -printf '%u:%g\n' | sed "s/$(id -un)/USER/; s/$(id -gn)/GROUP/"
find p -type d -printf '%5d|%-8f|\n' | sort
find p -maxdepth 0 -printf 'tab\there \\ %% \101 \n'
find p -name f -printf 'no newline'; echo
find p -name f -printf 'one\cnot shown\n'; echo
find p -print0 | sort -z | tr '\0' '\n'
find p -name skip -prune -o -print | sort
find p \( -name skip -o -name q \) -prune -o -type l -print
find p -path p/skip -prune -false -o -type d | sort
find p -name skip -prune | sort
find p -type f -fprint list -o -fprintf other '%f\n'; cat list; sort other
find p -name f -ls | awk '{ print $3, $4, $7, $NF }' | sed "s/ .* / N /"
find p -name l -printf '%s\n'
find . -maxdepth 1 -printf '%f\n' | sort
find p/ -maxdepth 1 | sort
find ./p//q
find p -printf '%i\n' | sort -u | wc -l
find p -name f -printf '%k %b\n' | awk '{ print $1 * 2 >= $2 }'
