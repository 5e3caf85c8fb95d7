# POSIX 2.2 and 2.6.5: quoting, field splitting, the order of expansions.
d=$(mktemp -d); cd "$d" || exit
cat > t <<'E'
show() { echo "$#:"; for x do printf '  <%s>\n' "$x"; done; }
show a\ b 'c d' "e f" g"h i"j '' "" ''""
show "\$x \`x\` \"x\" \\ \x \
continued" 'it'\''s' "it's" '"'
x='  lead  and  trail  '; show $x "$x" a$x"b"
IFS=:; x=a::b:; show $x; x=:a:; show $x; x='a b:c'; show $x
IFS=': '; x='a : b::c '; show $x
IFS=x; y=axbxxc; show $y $(echo 1x2)
unset IFS; x=$(printf 'a\tb\nc d'); show $x
show $(printf 'trail\n\n\n')end "$(printf 'two\nlines\n\n')"
show "$(echo "$(echo "deep 'er'")")" `echo \`echo nested\`` "`echo \"q\"`"
touch f1 f2; x='f*'; show $x "$x" f\* 'f'* no*
set -f; show f* $x; set +f
a=1; a=2 b=$a; show $b; c=3 eval 'show $c'; show ${c-unset}
show {a,b} a{b c}d
: ${z:=1 2}; show $z "$z"
show $'x' 2>/dev/null | tail -n 1 | grep -c x
show "a"'b'c$((1+1))$(echo 3)"$((2+2))"
n='
'; show "a${n}b" a${n}b
E
for shell in dash bash; do echo "== $shell"; $shell t; done
cd /; rm -r "$d"
