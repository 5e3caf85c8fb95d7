# /proc: the files that tell of the whole system, by their form.
grep -cE '^[0-9.]+ [0-9.]+ [0-9.]+ [0-9]+/[0-9]+ [0-9]+$' /proc/loadavg
grep -cE '^[0-9]+\.[0-9]{2} [0-9]+\.[0-9]{2}$' /proc/uptime
grep -oE '^(MemTotal|MemFree|MemAvailable|Buffers|Cached|SwapTotal|SwapFree|Shmem|SReclaimable|Slab): ' /proc/meminfo
grep -vcE '^[A-Za-z_()0-9]+: +[0-9]+( kB)?$' /proc/meminfo
awk '/^cpu / { print NF } /^(btime|ctxt|processes|procs_running|procs_blocked) / { print $1 }' /proc/stat
grep -c '^cpu[0-9]' /proc/stat | grep -cx "$(nproc)"
grep -c '^processor' /proc/cpuinfo | grep -cx "$(nproc)"
grep -c '^Linux version ' /proc/version
grep -E '^(nodev)?	(proc|tmpfs)$' /proc/filesystems | sort
awk '$2 == "/proc" { print $1, $3 }' /proc/mounts | sort -u
awk '$2 == "/" { n++ } END { print (n > 0) }' /proc/mounts
awk '$5 == "/" { n++ } END { print (n > 0) }' /proc/self/mountinfo
cat /proc/sys/kernel/ostype
[ "$(cat /proc/sys/kernel/osrelease)" = "$(uname -r)" ]; echo $?
[ "$(cat /proc/sys/kernel/hostname)" = "$(uname -n)" ]; echo $?
grep -cE '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id
[ "$(cat /proc/sys/kernel/random/boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ]; echo $?
[ "$(cat /proc/sys/kernel/random/uuid)" = "$(cat /proc/sys/kernel/random/uuid)" ]; echo $?
head -n 1 /proc/swaps | tr -s '\t ' ' '
head -n 1 /proc/partitions 2>/dev/null | tr -s ' '
grep -c . /proc/vmstat | awk '{ print ($1 > 0) }'
cat /proc/nosuch; echo $?
echo x >/proc/version; echo $?
mkdir /proc/x 2>/dev/null; echo $?
rm -f /proc/version 2>/dev/null; echo $?
