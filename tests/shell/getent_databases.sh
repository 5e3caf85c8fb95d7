# getent: accounts, hosts, services, protocols, networks; several keys, what is not there, errors.
# needs: sudo
getent passwd root daemon user; getent passwd 1000; getent passwd nosuch; echo "exit $?"; getent passwd root nosuch 0; echo "exit $?"
getent group sudo; getent group 0 tty; getent group nosuch 99999; echo "exit $?"
getent passwd | grep -c '^\(root\|daemon\|www-data\|nobody\|user\):'; getent group | grep -c '^\(root\|adm\|sudo\|users\|nogroup\):'
getent hosts localhost; getent hosts 127.0.0.1; getent hosts ::1; getent hosts nosuch.invalid; echo "exit $?"; getent hosts isolet
getent hosts | grep -c '^127.0.0.1 *localhost'
for s in http https ssh domain/tcp domain/udp 443/tcp 53; do getent services $s | tr -s ' '; done; getent services nosuch; echo "exit $?"
getent services | grep -c '^\(http\|ssh\|domain\) '
getent protocols tcp udp; getent protocols 1; getent protocols icmp nosuch; echo "exit $?"
getent networks loopback; getent initgroups user; getent initgroups root
getent gshadow sudo; echo "exit $?"; sudo getent gshadow sudo
getent; echo "exit $?"; getent nosuch; echo "exit $?"; getent ethers; echo "exit $?"; getent netgroup; echo "exit $?"; getent aliases postmaster; echo "exit $?"
