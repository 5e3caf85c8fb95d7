# make: targets, prerequisites, times, patterns, phony, default goals, -n -B -t -q -W, what is up to date.
# needs: make
cd "$(mktemp -d)"
older() { find . -type f -exec touch -d '1 hour ago' {} +; touch "$@"; }
printf 'all: prog\nprog: a.o b.o\n\tcat $^ >$@\n%%.o: %%.c\n\t@echo compiling $< to $@ \\($*\\)\n\t@sed s/^/obj:/ $< >$@\n.PHONY: all clean\nclean:\n\trm -f prog *.o\n' >Makefile
echo a >a.c; echo b >b.c; make; cat prog; make; older a.c; make; make -q; echo "exit $?"; older b.c a.o prog; make -q; echo "exit $?"; make -n; make -t; make; make clean; make -s; make -B -n | tail -n 1; make prog; make nothing; echo "exit $?"; make -W a.c -n
printf 'x: y z\n\t@echo "$@ from $^; new $?; first $<; all $+"\n\t@touch $@\ny z:\n\t@touch $@; echo made $@\n' >m2; make -f m2; make -f m2; older z; make -f m2
printf 'first:\n\t@echo first\nsecond:\n\t@echo second\n' | make -f -; printf 'first:\n\t@echo first\nsecond: first\n\t@echo second\n' >m3; make -f m3 second; make -f m3 first second; make -rR -f m3 --no-print-directory
printf '.DEFAULT_GOAL := b\na:\n\t@echo a\nb:\n\t@echo b\n' | make -f -; printf 'out/%%.txt: in/%%.txt | out\n\tcp $< $@\nout:\n\tmkdir $@\nall: out/1.txt out/2.txt\n' >m4; mkdir in; echo 1 >in/1.txt; echo 2 >in/2.txt; make -f m4 all; make -f m4 all
printf 'a.x b.x: %%.x: %%.src\n\t@echo $@ needs $<\na.src b.src:\nall: a.x b.x\n' >m5; make -f m5 all; printf 'c::\n\t@echo one\nc::\n\t@echo two\n' | make -f -; printf 'SRC = $(wildcard *.c)\nall: $(SRC:.c=.i)\n%%.i: %%.c\n\t@echo $<\n' | make -f - | sort; printf '.SUFFIXES: .in .out\n.in.out:\n\t@echo suffix $< $@; cp $< $@\n' >m6; echo q >f.in; make -f m6 f.out
printf 'a: b\nb: a\n\t@echo b\na:\n\t@echo a\n' | make -f - a 2>&1; printf '.INTERMEDIATE: mid\nfin: mid\n\tcp mid fin\nmid:\n\techo m >mid\n' | make -f - ; ls mid fin; printf 'bad:\n\techo half >bad; false\n.DELETE_ON_ERROR:\n' | make -f - 2>&1 | sed 's/\[.*: bad/[bad/'; ls bad; printf 'sub:\n\t$(MAKE) -s -C d\n' >m7; mkdir d; printf 'x:\n\t@echo in sub, level $(MAKELEVEL)\n' >d/Makefile; make -s -f m7; make -C d | sed "s#$PWD#PWD#"; make -f m7 --no-print-directory
