# Grammar of the shell: compounds, lists, comments, continuations, reserved words as arguments, syntax errors.
d=$(mktemp -d); cd "$d" || exit
cat > t <<'E'
if false; then echo 1; elif true; then echo 2; else echo 3; fi; if ! true; then :; else echo not; fi
while read -r x; do [ "$x" = b ] && continue; [ "$x" = d ] && break; echo "$x"; done <<A
a
b
c
d
e
A
until [ "${n:=0}" -ge 3 ]; do n=$((n + 1)); done; echo $n
for x in a "b c" d; do echo "$x"; done; for x
in 1 2
do echo $x
done
set -- p q; for a do echo $a; done; for x in; do echo never; done; for if in then do; do echo $if; done
case x in (x) echo paren;; esac; case x in x|y) echo or; esac; case "$n" in [0-9]) echo digit ;; *) ;; esac
{ echo brace; }; ( echo sub; ); { echo a; } && { echo b; } || echo c; true && false || echo or; false || true && echo and
echo a; echo b & wait; echo c # comment
echo not#comment \# '# no' "# no"; echo one \
two; echo "in \
string"; # nothing
echo if then else fi do done { } ! in; echo {a } ;echo a;echo b;
f() { echo $1; }; f x; g() if true; then echo g; fi; g; h() ( exit 3 ); h; echo $?
x=1 y=2; echo $x$y; x= ; echo "[$x]"; a=b=c; echo $a; echo a=b; ! false; echo $?
>redir echo first; cat redir; <redir cat; echo 2>&1 x; 2>/dev/null ls nosuch; echo $?; { echo grouped; } >&2 2>/dev/null
{ time true; } 2>/dev/null; echo "$(echo nested "$(echo "inner")")"; echo "`echo back \`echo tick\``"; echo $(case a in a) echo in subst;; esac)
if (true) then echo t; fi; while ! (true) do :; done; ((echo two parens) ); echo $( (echo sub) )
&& echo no
E
for s in dash bash; do echo "== $s"; $s t 2>&1 | sed 's/^t: [a-z]*[ 0-9]*: /t: /;s/[Ss]yntax error.*/syntax error/;/^t: `/d'; done
for e in 'if true; echo' 'fi' 'then' 'do' 'done' 'esac' '}' ')' '(' '{ echo' 'for' 'for x y' 'for 1 in a; do :; done' 'case x' 'case x in a' 'while true' 'echo |' '| echo' 'echo &&' ';' ';;' '& ' 'echo >' 'f( {' 'f() ' '"' "'" '$(' '`' '${' '$((' 'echo a; ; echo b' 'if; then :; fi' 'if true; then; fi' 'while; do :; done' '()' '!' 'a=(1 2' '[[ a' '((1' 'select' 'function' 'coproc' '<<' 'cat <<E' 'echo $(if)' 'echo ${x' '1f() { :; }; 1f' 'for((;;' '{ }' '( )'; do bash -c "$e" >/dev/null 2>&1 </dev/null; b=$?; dash -c "$e" >/dev/null 2>&1 </dev/null; echo "$e: $b $?"; done
cd /; rm -r "$d"
