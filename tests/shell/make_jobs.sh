# make -j: jobs beside each other, the jobserver and sub-makes, -O, -k, -i, errors and exit codes.
# needs: make
cd "$(mktemp -d)"
mkfifo p q
# Each of the two rules needs the other to run.
printf 'all: a b\na:\n\t@echo x >p; read l <q; echo a got $$l\nb:\n\t@read l <p; echo y >q; echo b got $$l\n' >m1; make -j2 -f m1 | sort
printf 'all: $(patsubst %%,t%%,1 2 3 4 5 6 7 8 9)\nt%%:\n\t@echo $@\n' >m2; make -j4 -f m2 | sort; make -j -f m2 | wc -l; make -j3 -O -f m2 | sort | head -n 2
mkdir s1 s2; for d in s1 s2; do printf 'all: x y\nx y:\n\t@echo $(notdir $(CURDIR)) $@\n' >$d/Makefile; done; printf 'all: s1 s2\n.PHONY: s1 s2\ns1 s2:\n\t@$(MAKE) --no-print-directory -C $@\n' >m3; make -j3 -f m3 | sort; make -f m3
printf 'all: ok bad late\nok:\n\t@echo ok\nbad:\n\t@echo bad; exit 3\nlate:\n\t@echo late\nneeds: bad\n\t@echo never\n' >m4
said() { make "$@" 2>&1 | sed 's/m4:[0-9]*: //; s/^make\[[0-9]*\]/make/'; echo "exit ${PIPESTATUS[0]}"; }
said -f m4; said -k -f m4; said -i -f m4; said -f m4 needs; said -k -f m4 needs ok; printf 'x:\n\t-@false\n\t@echo went on\n\t-exit 2\n' >m4; said -f m4; printf 'x:\n\t@nosuchprogram\n' >m4; make -f m4 2>/dev/null; echo "exit $?"; printf 'x:\n\t@kill -9 $$$$\n' >m4; make -f m4 2>/dev/null; echo "exit $?"; printf 'x: missing\n' >m4; said -f m4; printf 'x:\n  echo spaces\n' >m4; make -f m4 2>/dev/null; echo "exit $?"; said -f nofile; mkdir e; cd e; make; echo "exit $?"; make -f /dev/null; echo "exit $?"; make --nosuch >/dev/null 2>&1; echo "exit $?"; cd ..
printf 'x:\n\t@$(MAKE) -s -f m5 y\ny:\n\t@exit 4\n' >m5; make -f m5 2>&1 | sed 's/m5:[0-9]*: //'; printf 'all: 1 2 3\n1 2 3:\n\t@echo start $@; echo end $@\n' >m6; make -j8 --output-sync=target -f m6 | awk '/start/ { s = $2 } /end/ { print $2 == s }'; make -j2 -f m6 --shuffle 2>/dev/null | wc -l >/dev/null; printf '.NOTPARALLEL:\nall: 1 2 3\n1 2 3:\n\t@echo $@\n' | make -j4 -f -
printf 'x:\n\t+@echo plus\n\t@echo no\n' >m7; make -n -f m7; printf 'x: $(shell seq -s " " -f t%%g 200)\nt%%:\n\t@echo $@ >>log\n' >m8; make -s -j8 -f m8; wc -l <log; sort -u log | wc -l; printf 'x:\n\t@for i in 1 2 3; do \\\n\t  echo loop $$i; \\\n\tdone\n\t@cat <<< here 2>/dev/null || true\n' >m9; make -f m9 SHELL=/bin/bash
