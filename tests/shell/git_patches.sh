# format-patch, am, apply, request by mail; add -p by a script.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p; printf '1\n2\n3\n4\n5\n6\n7\n8\n9\n' > f; git add f; git commit -qm base
sed -i 's/2/two/' f; git commit -qam "second line"; sed -i 's/8/eight/' f; git commit -qam "eighth line" -m "why"
git format-patch -o ../out HEAD~2 | sed 's,.*/,,'; sed -n '1,/^---/p' ../out/0002*; git format-patch --stdout -1 | grep -v '^[0-9]\.\|^-- ' | tail -n 8
git checkout -qb am HEAD~2; git am -q ../out/*.patch; git log --format='%s %h'; git diff --stat main
git checkout -qb am2 HEAD~2; sed -i 's/2/zwei/' f; git commit -qam x; git am ../out/0001* >/dev/null 2>&1; echo "exit $?"; git am --abort; git am -q -3 ../out/0001* >/dev/null 2>&1; echo "exit $?"; git am --abort
git apply --check ../out/0001*; echo $?; git apply --stat ../out/0002*; git apply --include=f -p1 ../out/0002*; git diff --stat; git apply --reject ../out/0001* 2>/dev/null; echo $?; ls
git reset -q --hard main; git clean -fdq; sed -i 's/1/one/; s/9/nine/' f; printf 'y\nn\n' | git add -p >/dev/null; git diff --cached -U0 | tail -n 2; git diff -U0 | tail -n 2
printf 's\nq\n' | git checkout -p >/dev/null 2>&1; git status --short; printf 'bad patch\n' | git apply; echo $?
git mailinfo m p < ../out/0002-eighth-line.patch; cat m; git patch-id < ../out/0001* | cut -d' ' -f1 | wc -c; git range-diff main~2..main am~2..am
cd /; rm -rf "$d"
