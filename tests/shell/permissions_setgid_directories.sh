# What is made in a setgid directory has its group; subdirectories are setgid too.
# needs: sudo
cd "$(mktemp -d)" || exit; chmod 755 .
show() { stat -c '%A %U:%G %n' "$@"; }
mkdir plain; touch plain/f; mkdir plain/d; show plain plain/*
mkdir shared; chgrp sudo shared; chmod 2775 shared
touch shared/f; mkdir shared/d; mkdir -p shared/d/e/f; echo x >shared/d/e/g; ln -s f shared/link; mkfifo shared/fifo
show shared shared/* shared/d/* shared/d/e/*
sudo touch shared/of_root; sudo mkdir shared/root_dir; show shared/of_root shared/root_dir
cp plain/f shared/copy; cp -p plain/f shared/copy_p; cp -r plain shared/copy_r; mv plain/f shared/moved
show shared/copy shared/copy_p shared/copy_r shared/copy_r/d shared/moved
install -m 644 /dev/null shared/installed; install -d shared/inst_d; show shared/installed shared/inst_d
mktemp -d -p shared XXXX >/dev/null; show shared/???? | awk '{ print $1, $2 }' | sort -u
chmod 775 shared; show shared; chmod g-s shared; show shared; chmod 0775 shared; show shared; chmod 00775 shared; show shared
mkdir -m 2750 made; show made
sudo chgrp daemon plain; chmod g+s plain; show plain
sudo chmod g+s plain; show plain; touch plain/in; show plain/in
chgrp sudo plain/in; chmod g+s plain/in; show plain/in
sudo chgrp daemon plain/in; chmod g+s plain/in; show plain/in
sudo rm -rf "$PWD"
