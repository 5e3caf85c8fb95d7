# sysctl, pwdx, pmap, skill -l: the rest of procps.
# needs: procps
PATH=$PATH:/usr/sbin:/sbin
sysctl kernel.ostype
sysctl -n kernel.ostype kernel.hostname
sysctl -N kernel.ostype
sysctl -b kernel.ostype; echo
sysctl kernel/ostype
sysctl -e nosuch.key; echo $?
sysctl nosuch.key; echo $?
sysctl -n kernel.pid_max | grep -c '^[0-9]*$'
[ "$(sysctl -n kernel.osrelease)" = "$(uname -r)" ] && echo release
[ "$(sysctl -n kernel.version)" = "$(uname -v)" ] && echo version
(cd /usr/share && exec sleep 100) & a=$!
until [ "$(cat /proc/$a/comm)" = sleep ]; do :; done
pwdx $a | sed "s/$a/PID/"
pwdx 999999; echo $?
pwdx abc; echo $?
pwdx 2>/dev/null; echo $?
pmap $a | sed -n "1s/$a/PID/p"
pmap $a | tail -n 1 | grep -Ec '^ ?total +[0-9]+K$'
pmap 999999; echo $?
kill $a
