# /proc is made up: nothing is made, moved or taken away there; status and ns of a process.
mkdir /proc/x; ln -s a /proc/b; touch /proc/c; echo x >/proc/self/nosuch; mkdir /proc/self; mkdir /proc/sys/x; mknod /proc/p p
rmdir /proc/sys; rm -f /proc/uptime; mv /proc/version "$HOME/v" 2>&1 | sed 's/.*: //'; rmdir /proc/nosuch; rm /proc/nosuch; echo x >/proc/version; ls /proc/nosuch
ls /proc/self/ns | paste -sd ' '; readlink /proc/self/ns/pid | sed 's/[0-9][0-9]*/N/'; [ "$(readlink /proc/$$/ns/net)" = "$(readlink /proc/self/ns/net)" ] && echo one network; readlink /proc/1/ns/pid; echo "exit $?"
grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs|Seccomp|Seccomp_filters|Tgid|TracerPid|Threads):' /proc/self/status | sed 's/Tgid.*/Tgid/'; [ "$(sed -n 's/^NSpid:\t//p' /proc/$$/status)" = $$ ] && echo the same number
cp --reflink=always /etc/passwd "$HOME/copy" 2>&1 | sed 's/.*passwd.: //;s/Invalid cross-device link/Operation not supported/'; rm -f "$HOME/copy"
