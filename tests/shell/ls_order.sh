# ls: the orders -t -S -X -v -r -U -f and --sort, with ties.
d=$(mktemp -d); cd "$d" || exit
i=0; for f in v1.10 v1.9 v1.2.3 a.txt b.bin c.c B.c 10 9 file file1 file10 file2 .dot README; do head -c $((i * 37 % 100)) /dev/zero > $f; touch -d "2020-01-0$((i % 9 + 1)) 10:0$((i % 10)):00" $f; touch -a -d "2021-0$((9 - i % 9))-01" $f; i=$((i + 1)); done; mkdir zdir; touch -d 2019-01-01 zdir
ls -t; echo; ls -tr; echo; ls -S | grep -v zdir; echo; ls -Sr | grep -v zdir; echo; ls -X; echo; ls -v; echo; ls -av; echo; ls -r; echo; ls -tu | grep -v zdir; echo; ls -U | sort | head -n 3; ls -f | sort | head -n 3; ls --sort=version | head -n 4; ls --sort=time -r | head -n 1; ls --sort=extension | tail -n 2; ls --group-directories-first | head -n 1; ls --sort=width | tail -n 3; ls -lU --time-style=+ a.txt; ls -t a.txt c.c B.c; ls -S 10 9 zdir; LC_ALL=C ls; touch -d '2020-01-01 00:00:00.000000002' n2; touch -d '2020-01-01 00:00:00.000000001' n1; ls -t n1 n2
cd /; rm -r "$d"
