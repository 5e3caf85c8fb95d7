# find: tests by name, type, size, time, permission, depth; operators and their order.
# needs: findutils
cd "$(mktemp -d)"
mkdir -p a/b/c d .hidden
printf 12345 >a/five; : >a/empty; head -c 3000 /dev/zero >a/b/big; echo x >a/b/c/deep.txt; echo y >d/UPPER.TXT; echo z >.hidden/h
ln -s five a/link; ln -s nowhere a/broken; mkfifo d/pipe
sorted() { "$@" 2>&1 | LC_ALL=C sort; }
sorted find .
sorted find a -name '*.txt'
sorted find . -iname '*.txt'
sorted find . -name '.*'
sorted find a d -type d
sorted find . -type f -size -2
sorted find . -type f -size +2k
find . -size 5c
sorted find . -empty
sorted find . -type l
sorted find -L . -type l
sorted find . -type p
sorted find . -type f,l
sorted find . -maxdepth 1
sorted find . -mindepth 3
sorted find a -maxdepth 2 -mindepth 2
sorted find . -path './a/*' -name 'd*'
sorted find . -path '*/b*' ! -type d
sorted find . -regex '.*/[a-f]+'
sorted find . -regextype posix-extended -regex '.*/(five|deep\.txt)'
sorted find . \( -name five -o -name big \) -type f
sorted find . -type f -not -name '*e*'
sorted find . -name five , -name big
sorted find . -false -o -name UPPER.TXT
touch -d '2020-01-01 00:00' a/five; touch -d '2021-01-01 00:00' d/UPPER.TXT
sorted find . -type f -newer a/five -name '*[Ee]*'
sorted find . -newermt 2020-06-01 ! -newermt 2021-06-01
sorted find . -mtime +100 -type f
sorted find . -type f -mmin -100 -name 'b*'
chmod 640 a/five; chmod 755 d/UPPER.TXT; chmod 4711 a/b/big
sorted find . -perm 640
sorted find . -type f -perm -111
sorted find . -type f -perm /4000
sorted find . -type f -perm -u=rwx,g=x
sorted find . -type f -executable
sorted find . -links +1 -type d -name a
sorted find . -lname 'now*'
sorted find . -samefile a/link
sorted find -L a -samefile a/five
sorted find . -user "$(id -un)" -name five
find . -group nosuchgroup 2>/dev/null; echo "exit $?"
find . -uid 4294 | wc -l
sorted find . -xtype l
find a -depth | tail -n 1
find . -quit; find . -name five -print -quit
