# diff3 and sdiff: merging, overlaps, -m -e -x -3 -A, side by side and merged output.
# needs: diffutils ed
cd "$(mktemp -d)"
printf '1\n2\n3\n4\n5\n6\n' >old
printf '1\n2\nthree mine\n4\n5\n6\n' >mine
printf '1\n2\n3\n4\n5\nsix yours\n' >yours
printf '1\n2\nthree yours\n4\n5\n6\n' >other
diff3 mine old yours; echo "exit $?"
diff3 -m mine old yours; echo "exit $?"
diff3 mine old other; echo "exit $?"
diff3 -m mine old other; echo "exit $?"
diff3 -m -L A -L B -L C mine old other; echo "exit $?"
diff3 -e mine old yours; diff3 -x mine old other; diff3 -3 mine old yours; diff3 -A mine old other; diff3 -E mine old other
diff3 -mE mine old other; echo "exit $?"
diff3 mine old nofile 2>/dev/null; echo "exit $?"
diff3 mine old 2>/dev/null; echo "exit $?"
diff3 -T mine old yours | head -n 2
cat yours | diff3 -m mine old -
(diff3 -e mine old yours; echo w) | ed -s mine; cat mine
sdiff -w 30 old yours; echo "exit $?"
sdiff -s -w 30 old yours; sdiff -l -w 30 old other | head -n 3
printf 'r\n' | sdiff -w 30 -o merged old yours >/dev/null; cat merged
printf 'l\n' | sdiff -w 30 -o merged old yours >/dev/null; cat merged
printf 'q\n' | sdiff -w 30 -o merged old yours >/dev/null 2>&1; echo "exit $?"
sdiff old nofile; echo "exit $?"
