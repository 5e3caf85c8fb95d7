# diff: normal, context, unified, side by side, ed, brief and other output, exit codes.
# needs: diffutils
cd "$(mktemp -d)"
printf 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n' >a
printf 'one\n2\nthree\nfour\nfive\nsix\nseven\nextra\neight\nten\n' >b
diff a b; echo "exit $?"
diff a a; echo "exit $?"
diff a nofile; echo "exit $?"
diff -u --label a --label b a b
diff -U1 --label a --label b a b
diff -c --label a --label b a b
diff -U0 -L old -L new a b
diff -e a b; diff -n a b; diff -f a b
diff -q a b; diff -s a a; diff -qs a a
diff -y -W 40 a b
diff -y -W 40 --suppress-common-lines a b
diff --left-column -y -W 30 a b | head -n 3
diff --unchanged-line-format= --old-line-format='-%l
' --new-line-format='+%L' a b
diff --line-format='%dn %L' a b | head -n 3
diff -D NEW a b | head -n 6
printf 'no newline' >c; printf 'no newline\n' >d; diff c d; diff -u --label c --label d c d
printf '' >e; diff e a | head -n 3; diff -u --label e --label a e a | head -n 4
printf 'bin\0ary\n' >f; printf 'bin\0arY\n' >g; diff f g; echo "exit $?"; diff -a f g | tr '\0' .
diff a - <b | head -n 2; diff - a <a; echo "exit $?"
diff <(sort a) <(sort b)
diff -u --label x --label y -p <(printf 'int f()\n{\n1\n2\n3\n4\n5\n}\n') <(printf 'int f()\n{\n1\n2\n3\n4\n5x\n}\n')
diff a 2>/dev/null; echo "exit $?"; diff --nosuch a b 2>/dev/null; echo "exit $?"
diff -u a b | sed 's/\t.*//' | head -n 2
diff --color=always --label a --label b -u a b | head -n 6 | od -c | head -n 4
