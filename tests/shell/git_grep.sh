# git grep, ls-files, blame, check-ignore, clean.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p; mkdir s; printf 'int main(void)\n{\n\treturn foo(1);\n}\n' > s/a.c; printf 'foo bar\nFoo\n' > t; printf '*.o\n/out/\n!keep.o\n' > .gitignore; git add .; git commit -qm one
git grep -n foo; git grep -ic foo; git grep -l -e foo --and -e bar; git grep -w fo; echo $?; git grep -E 'f(o|x)+' -- '*.c'; git grep -P '(?<=return )\w+' ; git grep -p return; git grep foo HEAD -- t; git grep --heading --break foo; git grep -h -o 'fo*'
git grep -F '(' ; git grep -L foo; git grep -e '*(' ; echo $?
touch x.o keep.o; mkdir out; touch out/y; git ls-files -o --exclude-standard; git ls-files -i -o --exclude-standard; git check-ignore -v x.o out/y t; echo $?
git clean -n; git clean -fdX; git clean -fdxq; ls -A; git clean; echo $?
printf 'foo bar\nnew\nFoo\n' > t; GIT_AUTHOR_NAME=Bob git commit -qam two; git blame -s t; git blame --porcelain -L2,2 t | sed -n 2,3p; git blame -e t | tail -n 1
git ls-files --eol; git ls-files -t; printf 'a\r\nb\r\n' > crlf; echo 'crlf text eol=crlf' > .gitattributes; git add crlf; git cat-file -p :crlf | od -c; git check-attr -a crlf
cd /; rm -rf "$d"
