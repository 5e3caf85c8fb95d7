# case and pathname expansion in both shells: classes, ranges, dots, slashes, no match.
d=$(mktemp -d); cd "$d" || exit
touch a b ab abc .hidden 'sp ace' 'st*r' 'br[a]ck' A B 1 2 10 file.txt file.c -dash; mkdir -p dir/sub other; touch dir/x dir/sub/y other/x
cat > t <<'E'
echo *; echo ?; echo a*; echo [ab]; echo [!ab]; echo [a-c]*; echo [[:digit:]]*; echo [[:upper:]]; echo .h*; echo .[!.]*
echo */; echo */x; echo */*/y; echo dir/*; echo none*; echo 'a*' "a*" a\*; echo st\*r st[*]r; echo br\[a\]ck; echo *.[ct]*
echo [!a-z]*; echo [^a]?; echo ./a*; echo ../*/[a]? | wc -l; echo [; echo []a]; echo [a; echo a[; echo -*; echo ?pace sp?ace sp*e
for w in abc a.c '*' 'a*c' '[x]' '' '-' 'A' 'é' 'x y' 'a]' '\'; do
    case $w in
    '') echo "empty";; \*) echo "star";; 'a*c') echo "quoted";; a?c) echo "a?c $w";; [[]*) echo "bracket";;
    [a-z]]) echo "then ]";; [-x]) echo dash;; [[:upper:]]) echo upper;; (*\ *) echo space;; \\) echo backslash;; ?) echo "one character $w";; *) echo "other $w";;
    esac
done
p='a*'; case abc in $p) echo pattern;; esac; case abc in "$p") echo never;; *) echo literal;; esac
case x in a) ;; esac; echo $?; case x in x) (exit 3);; esac; echo $?; case a in a|b) echo alt;; esac; case $(echo sub) in s*b) echo sub;; esac
set -f; echo *; set +f
x='*.txt'; echo $x; for f in *.nothing; do echo "$f"; done
E
for shell in dash bash; do echo "== $shell"; $shell t; done
case a in a) echo 1;& b) echo 2;;& a*) echo 3;; *) echo 4;; esac
shopt -s nullglob; echo none* end; shopt -u nullglob
shopt -s dotglob; echo *; shopt -u dotglob; shopt -s nocaseglob; echo a; echo [a]; echo A*; shopt -u nocaseglob
shopt -s globstar; echo **/x; echo **/; shopt -u globstar; shopt -s nocasematch; case ABC in abc) echo nocase;; esac; [[ X == x ]] && echo too; shopt -u nocasematch
shopt -s failglob; echo none*; echo not reached; shopt -u failglob; GLOBIGNORE='a*:B'; echo *; unset GLOBIGNORE
shopt -s extglob
for w in a ab aab abab xyz foo.c foo.o foo.tar.gz 007 -5 3.14; do
    case $w in
    +(ab)) echo "$w +(ab)";; ?(x)yz|x@(y|q)z) echo "$w @";; !(*.o)@(.gz)) echo "$w gz";; ?([-+])+([0-9])?(.*([0-9]))) echo "$w number";; *.!(o)) echo "$w not o";; *(a)b) echo "$w *(a)b";; *) echo "$w other";;
    esac
done
echo !(a*|b*|*.txt|*/); x=/usr/lib/foo; echo "${x##*(/)}" "${x//+(o)/0}" "${x%%+([a-z])}"; echo @(a|b) ?(a)b +(a|b|c)
cd /; rm -r "$d"
