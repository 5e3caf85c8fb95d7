# hostname and its names, uname -n, and who may change it.
# user: root
hostname; hostname -s; hostname -f; hostname --fqdn; hostname -d; dnsdomainname; hostname -i
uname -n; cat /etc/hostname /proc/sys/kernel/hostname; echo "$HOSTNAME"
hostname -q 2>&1 | head -n 1 | cut -c1-30
su user -c 'hostname other'; echo "a user: $?"
su user -c 'hostname; domainname; nisdomainname; ypdomainname'
hostname other.example.org; echo "root: $?"; hostname; uname -n; cat /proc/sys/kernel/hostname; bash -c 'echo $HOSTNAME'
echo '127.0.1.1 other.example.org other' >>/etc/hosts
hostname -s; hostname -f; hostname -d; hostname -i
hostname -b '' ; hostname
echo from_file >/tmp/f; hostname -F /tmp/f; hostname
hostname -F /nosuch; echo "no file: $?"
hostname 'bad name!' 2>&1; echo "bad: $?"
hostname "$(printf 'x%.0s' {1..65})" 2>&1; echo "long: $?"
hostname -x 2>/dev/null; echo "bad option: $?"
