# ps (procps): what it refuses.
# needs: procps
first() { "$@" 2>&1 >/dev/null | grep . | head -n 1; echo "code ${PIPESTATUS[0]}"; }
first ps -o nosuch
first ps -p
first ps -p abc
first ps -u nosuchuser
first ps --sort nosuch
first ps -o
first ps --nosuch
first ps -t nosuchtty
first ps -C
first ps -G nosuchgroup
first ps -k
ps --version | cut -d' ' -f1,2
ps --help simple | head -n 3
