# Groups: the supplementary ones, sg and newgrp, files of a group.
# needs: sudo
id; groups; id -G; id -Gn
cd "$(mktemp -d)" || exit; chmod 755 .
sg sudo -c 'id -gn; touch by_sg'; stat -c %G by_sg
sg sudo 'id -gn'; sg sudo -c 'exit 7'; echo "exit: $?"
echo 'id -gn; id -Gn | tr " " "\n" | sort' | newgrp sudo
sg nosuch -c true; echo "none: $?"
sudo groupadd project; sudo usermod -aG project user
id -Gn; id -Gn user
sudo -u user id -Gn
sudo install -d -m 2770 -g project /tmp/project
touch /tmp/project/x 2>/dev/null; echo "before a new login: $?"
sudo -u user touch /tmp/project/y; echo "after: $?"
sg project -c 'ls /tmp/project; stat -c "%U %G" /tmp/project/y'
sudo sh -c 'echo secret >/tmp/project/s; chmod 640 /tmp/project/s'
sudo -u user cat /tmp/project/s; cat /tmp/project/s; echo "cat: $?"
sudo -u nobody cat /tmp/project/s; echo "nobody: $?"
sudo chmod 604 /tmp/project/s; sudo -u user cat /tmp/project/s; echo "the group's bits count before others': $?"
sudo gpasswd -d user project >/dev/null; sudo -u user cat /tmp/project/s 2>/dev/null; echo "after leaving: $?"
sudo -u nobody -g sudo id -Gn
sudo -g '#4242' id -g
sudo rm -rf "$PWD" /tmp/project; sudo groupdel project
