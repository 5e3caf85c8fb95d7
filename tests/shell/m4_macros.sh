# m4: definitions, quoting, conditionals, loops, arithmetic, diversions, files, shell, options, errors.
# needs: m4
cd "$(mktemp -d)"
m4 <<'M'
define(`hello', `Hello, $1! ($# args: $*)')dnl
hello(world) hello(`a, b', c) hello
define(`x', `1')define(`y', `x')x y `x' ``x''
undefine(`x')x ifdef(`y', `y is there', `no y') ifelse(a, a, same, differ) ifelse(1, 2, a, 3, 3, b, c)
eval(1 + 2 * 3) eval(2 ** 10) eval(255, 16) eval(7 / 2) eval(-7 % 3) eval(1 << 4 | 3) eval(`5 > 3 && 2 != 2') incr(4) decr(4) eval(10, 2, 8)
len(`hello') index(`hello', `ll') substr(`hello', 1, 3) translit(`hello', `a-y', `b-z') regexp(`hello', `l+', `<\&>') patsubst(`hello', `l', `L') format(`%05d|%-5s|%x', 42, ab, 255)
define(`loop', `ifelse($1, 0, , `$1 loop(decr($1))')')loop(5)
define(`forloop', `pushdef(`$1', `$2')_forloop($@)popdef(`$1')')define(`_forloop', `$4`'ifelse($1, `$3', , `define(`$1', incr($1))$0($@)')')forloop(`i', 1, 4, `[i]')
pushdef(`s', `one')pushdef(`s', `two')s popdef(`s')s
divert(1)diverted
divert(0)first
undivert(1)divert(-1) thrown away divert(0)dnl
changequote([, ])define([q], [changed $1])q(z) changequote`'define(`shifted', `shift($@)')shifted(1, 2, 3)
define(`nargs', `$#')nargs nargs() nargs(1, 2) builtin(`len', `abc') indir(`len', `four') defn(`nargs') dumpdef(`nargs') esyscmd(`echo from shell')syscmd(`exit 3')sysval
changecom(`//')// not expanded: y
errprint(`to stderr
')m4exit(`5')
M
echo "exit $?"
run() { m4 "$@" 2>&1; echo "exit $?"; }
cat >main <<'M'
include(`inc')after
M
cat >inc <<'M'
define(`v', `from file')v
M
m4 main; echo 'NAME FLAG' | m4 -DNAME=val -DFLAG -; echo 'm4_define(a, b)a define' | m4 -P; mkdir d; echo 'in d' >d/lib
echo 'include(lib)sinclude(none)ok' | m4 -I d; echo 'include(none)' | run; run nofile; echo 'define(a, `' | m4 2>/dev/null; echo "exit $?"; printf 'a\nb\n' | m4 -s | head -n 2; echo 'eval(1/0)' | run; echo 'len()' | m4 -Q; m4 --nosuch 2>/dev/null; echo "exit $?"
echo 'm4wrap(bye
)now' | m4; echo '__file__ __line__' | m4; printf 'one\n' | m4 d/lib - inc; echo 'esyscmd(`printf "a b"; exit 2'"'"')sysval' | m4; echo 'ifdef(`format'"'"', gnu, traditional)' | m4 -G
seq 3 | sed 's/.*/define(n&, &&)n&/' | m4; yes 'x' | head -n 20000 | m4 -Dx=yy | sort | uniq -c | sed 's/^ *//'
