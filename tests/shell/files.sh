umask 022
d=$(mktemp -d); cd "$d" || exit
echo one > f; echo two >> f; cat f; wc -l < f
ln -s f link; readlink link; cat link
ln f hard; stat -c '%h %a %F' hard
chmod 600 f; stat -c %a f
mkdir -p x/y; mv f x/y/g; ls -R
cp -r x z; ls z/y
: > x/y/g; stat -c %s x/y/g
set -C; echo no > x/y/g; echo $?
rm -rf x z; ls -A
printf 'b\na\n' > s; sort -o s s; cat s; cut -c1 s | paste -sd,
cd /; rm -r "$d"
