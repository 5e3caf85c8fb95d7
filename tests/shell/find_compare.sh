# find and permissions, hard links and times compared with stat and ls.
# needs: findutils
cd "$(mktemp -d)"
umask 022
echo a >a; ln a b; echo c >c; chmod 600 c; mkdir -m 700 priv; mkdir -m 1777 sticky; mkdir -m 2755 sgid
find . -links 2 -type f | sort
find . -inum "$(stat -c %i a)" | sort
find . -perm 600; find . -perm -o=t; find . -perm -2000; find . -perm /u=s,g=s
find . -type d -perm -700 ! -perm /077
find . ! -perm -044 | sort
find . -type f -readable | sort; find . -type f -writable | sort
[ "$(find . -type f -printf '%m %n %s %f\n' | sort)" = "$(stat -c '%a %h %s %n' a b c | sort)" ] && echo equal
[ "$(find . -printf '%T@\n' | cut -d. -f1 | sort)" = "$(find . -exec stat -c %Y {} + | sort)" ] && echo times
touch -d '3 days ago' a; find . -type f -mtime 3 | sort; find . -type f -mtime -3 | sort; find . -mtime +2 | sort
touch -d '50 minutes ago' c; find . -type f -mmin +40 -mmin -60
touch -d '2 days ago' c; find . -daystart -type f -mtime 2 | sort
touch -a -d '2 hours ago' c; find . -amin +100 -amin -140 | sort
touch ref; touch -r a d; find . -newer a -name d; find . -name c -anewer ref
find . -newerat '2000-01-01' -name c
find . -size 0 | sort; find . -size +1c -type f | sort; find . -type f -size 1 | sort; find . -size -1k -type f | sort
find . -used 0 2>/dev/null | wc -l >/dev/null
find . -nouser -o -nogroup | sort
find . -fstype nosuchfs; find / -maxdepth 0 -printf '%p %y\n'
find . -xdev -name a; find . -mount -name b
find a b c -prune; find . -maxdepth 1 -type d ! -name . | sort
find . -name a -a -name a -o -name zz; find . -not \( -type d -o -name 'a' -o -name b \) | sort
