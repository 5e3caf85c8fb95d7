# chown, chgrp and chmod: who may, and what happens to setuid bits.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
show() { stat -c '%A %U:%G %n' "$@"; }
touch f; sudo touch r
chown nobody f; echo "give away: $?"
chown root f; echo "to root: $?"
chown user f; echo "to oneself: $?"
chown user:user f; echo "to oneself and one's group: $?"
chown :sudo f; echo "to a group one is in: $?"; show f
chgrp daemon f; echo "to another group: $?"
chgrp user f; show f
chown user r; echo "take: $?"
chgrp sudo r; echo "root's file, own group: $?"
chmod 777 r; echo "chmod root's: $?"
touch -d 2020-01-01 r; echo "touch -d root's: $?"
chown nosuch f; echo "no such user: $?"
chown :nosuch f; echo "no such group: $?"
chown 12345 f; echo "a number: $?"
sudo chown 12345:23456 f; show f; stat -c '%u %g' f
sudo chown nobody: f; show f
sudo chown user f; sudo chgrp user f; show f
echo "-- setuid and setgid bits"
cp /bin/true s; chmod 6755 s; show s
chown user s; show s
chmod 6755 s; chgrp sudo s; show s
chmod 6755 s; sudo chown root s; show s
sudo chmod 6755 s; sudo chown user s; show s
chmod 4755 s; echo x >>s; show s
chmod 2755 s; echo x >>s; show s
sudo chgrp sudo s; chmod 2745 s; show s; echo x >>s; show s
chmod u+s s; : >s; show s
mkdir d; chmod 6755 d; chown user d; show d
echo "-- links and trees"
ln -s f l; sudo chown -h nobody l; show l f; sudo chown nobody l; show l f; sudo chown user f
mkdir -p t/u; touch t/a t/u/b; ln -s ../f t/link; sudo chown -R nobody:nogroup t; show t t/a t/u t/u/b t/link f
sudo chown --from=nobody user t/a; sudo chown --from=root user t/u/b; show t/a t/u/b
sudo chown --reference=f t/u/b; show t/u/b
sudo chown -v root f; sudo chown -c root f; sudo chown -c user f
chmod -v 600 f; chmod -c 600 f; chmod -R u+X t 2>&1 | sort
sudo chmod -R go=,u=rwX t; sudo stat -c "%A %n" t t/a t/u t/u/b
sudo rm -rf "$PWD"
