d=$(mktemp -d); cd "$d" || exit
touch a.txt b.txt c.md '.hidden' 'with space.txt'; mkdir -p sub/deep; touch sub/a.txt sub/deep/z.txt
echo *.txt
echo [ab].*
echo none*
for f in *; do echo "[$f]"; done
shopt -s nullglob; echo none*; shopt -u nullglob
shopt -s globstar; echo **/*.txt
shopt -s extglob
echo !(*.txt)
echo {1..5} {a,b}{x,y} {10..0..5}
cd /; rm -r "$d"
