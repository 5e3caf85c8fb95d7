# umask: the shell's builtin and what it does to what is made.
cd "$(mktemp -d)" || exit
umask; umask -S; umask -p
for mask in 000 022 027 077 002 0777 111; do
    (
        umask "$mask"; printf '%s %s:' "$(umask)" "$(umask -S)"
        touch f; mkdir d; echo x >g; mkfifo p; ln -s f l; cp /etc/passwd c; : >>h; tee t </dev/null
        stat -c '%a' f d g p c h t | tr '\n' ' '; echo
        chmod 700 d; rm -rf f d g p l c h t
    )
done
umask u=rwx,g=rx,o=; umask; umask -S
umask g+w; umask; umask a=rx; umask; umask o-r; umask; umask u+w; umask
umask 999; echo "bad: $?"; umask u=q; echo "bad: $?"
umask 022
mkdir -m 777 a; mkdir -p -m 700 b/c; mkdir -m u=rwx,g=,o=t e; stat -c '%a %n' a b b/c e
mkfifo -m 640 p; stat -c '%a %n' p
install -m 600 /dev/null i; install -d j; stat -c '%a %n' i j
mktemp ./tXXXX >/dev/null; stat -c %a t????; m=$(mktemp -d ./mXXXX); stat -c %a "$m"
(umask 077; sh -c 'umask; touch inner'); stat -c %a inner; umask
echo 'umask 0; umask' | sh; umask
touch x; chmod =r x; stat -c %a x; chmod +w x; stat -c %a x; chmod a+w x; stat -c %a x
umask 077; chmod +x x; stat -c %a x; chmod a+x x; stat -c %a x
umask 022; cp x y; stat -c %a y; cp -p x z; stat -c %a z
