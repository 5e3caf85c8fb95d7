# read in both shells with its options in bash; getopts in both.
for shell in dash bash; do
    echo "== $shell"
    printf 'a b  c d \n x \\y\\\nz\n' | $shell -c 'read a b c; echo "[$a][$b][$c]"; read x; echo "[$x]"; read y; echo "$? [$y]"'
    printf 'a:b::c:\n' | $shell -c 'IFS=: read p q r s; echo "[$p][$q][$r][$s]"'; printf 'a::\n' | $shell -c 'IFS=: read p q; echo "[$p][$q]"'
    printf ' a\\tb \n' | $shell -c 'read -r x; echo "[$x]"'; printf ' keep ' | $shell -c 'IFS= read -r x; echo "$? [$x]"'; printf 'l1\nl2\n' | $shell -c 'read -r x; cat'
    $shell -c 'read x < /dev/null; echo "$? [$x]"'; $shell -c 'read 2>/dev/null 1x < /etc/hostname; echo "$(($? > 0))"'
    for a in '-a -b val rest' '-bval' '-ab' '-x' '-a -- -b v' 'word -a' '-b' '-ba' '-'; do
        $shell -c 'while getopts ab: o; do echo "$o [$OPTARG] $OPTIND"; done; shift $((OPTIND - 1)); echo "$? left: $*"' name $a 2>&1
        $shell -c 'while getopts :ab: o; do echo "$o [$OPTARG] $OPTIND"; done; shift $((OPTIND - 1)); echo "left: $*"' name $a
    done
    $shell -c 'f() { OPTIND=1; while getopts c:d o; do echo "f $o $OPTARG"; done; }; f -d -c 1; f -c 2 -d; getopts x o -x; echo $o; getopts x o; echo "$? $o"' name -x
done
read -r -n 3 x <<< abcdef; echo "$x"; read -N 4 x <<< $'a\nbc'; echo "$x"; read -d : x <<< 'a b:c'; echo "$x"; read -d '' x < <(printf 'all\nlines\0rest'); echo "$x"
read -r -t 0.1 x < <(sleep 100); echo "$(($? > 128))"; read -t 0 x <<< data; echo $?; read -a arr <<< '1 2  3'; echo "${#arr[@]} ${arr[2]}"; read -u 4 x 4<<< four; echo "$x"
read -s x <<< secret; echo "$x"; read -p 'prompt> ' x <<< answer; echo "$x"; read <<< '  reply  kept '; echo "[$REPLY]"; read -e -i init x < /dev/null; echo "$?"
while read -r k v; do echo "$v:$k"; done <<< $'one 1\ntwo 2 3\n\nlast'; while IFS= read -r line || [ -n "$line" ]; do echo "<$line>"; done < <(printf ' a\nno newline')
while IFS=$'\t' read -r a b c; do echo "[$a][$b][$c]"; done <<< $'1\t\t3\n\tx\ty'; IFS=, read -r a b <<< 'q,"r,s",t'; echo "$a|$b"; IFS=' ,' read a b c <<< 'x , y,, z'; echo "$a|$b|$c"
echo one two | read x y; echo "[$x]"; shopt -s lastpipe; echo one two | read x y; echo "[$x][$y]"; read -r x < nosuch; echo $?; read -u 9 x; echo $?; read -t -1 x; echo $?; read -n x y; echo $?; read 'a b'; echo $?; readonly ro=1; read ro <<< 2; echo $?
OPTIND=1; getopts 'a:b' opt -a; echo "$? $opt"; OPTERR=0; OPTIND=1; getopts 'a:' opt -z; echo "$? $opt [$OPTARG]"; getopts; echo $?
