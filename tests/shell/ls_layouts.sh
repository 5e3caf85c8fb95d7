# ls: which names, in which columns, with which marks.
d=$(mktemp -d); cd "$d" || exit
umask 022; mkdir sub sub/deep; touch a.txt b.bin c.c v1.10 v1.9 back~ .hidden 'a rather long name of a file'; ln -s a.txt link; ln -s gone broken; mkfifo fifo; chmod 755 c.c
ls; ls -a; ls -A; ls -1; ls -m; ls -C; ls -x; ls -C -w 40; ls -x -w 40; ls -w 1; ls -w 0 -C; ls -C -w 40 -T 0; COLUMNS=30 ls -C
ls -d */ .*; ls -F; ls -p; ls --file-type; ls --indicator-style=classify -1 | head -n 3; ls -B; ls -I '*.c' --hide='s*'; ls -aI '*.c' --hide='s*'; ls -R; ls sub a.txt; ls -d sub a.txt; ls --zero | tr '\0' '|'; echo; ls -H link
ls -Cm; ls -xl sub | tail -n +2 | cut -c1; ls -1C; dir; dir -1; ls --format=across -w 50; ls --format=single-column | wc -l; ls -L broken; echo "exit $?"
cd /; rm -r "$d"
