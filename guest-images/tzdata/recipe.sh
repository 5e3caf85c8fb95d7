#!/bin/sh
# The time zone database: every zone and alias, in the compact form (64-bit
# data and the rule of the last line only), aliases as symbolic links.
. "$(dirname "$0")/../lib.sh"

rm -rf "$WORK/tzdata"
mkdir -p "$WORK/tzdata"
cd "$WORK/tzdata"
tar -xf "$SRC/tzdata_2026c.orig.tar.gz"
tree=$OUT/tzdata.tree
zones=$tree/usr/share/zoneinfo
rm -rf "$tree"
mkdir -p "$zones" "$tree/etc"
/usr/sbin/zic -b slim -d "$zones" africa antarctica asia australasia europe \
	northamerica southamerica etcetera factory backward
# zic makes hard links: the first name of a file (outside of the old ones)
# stays, the others point to it.
find "$zones" -type f -links +1 -printf '%i %P\n' | sort -k1,1n -k2,2 >linked
awk '$1 == "Link" { print $3 }' backward | sort >old
awk 'NR == FNR { old[$1]; next }
	{ if (!($1 in best) || ((best[$1] in old) && !($2 in old))) best[$1] = $2 }
	{ file[FNR] = $2; inode[FNR] = $1; last = FNR }
	END { for (i = 1; i <= last; i++) if (file[i] != best[inode[i]]) print best[inode[i]], file[i] }' old linked |
	while read -r target name; do
		ln -sfr "$zones/$target" "$zones/$name"
	done
install -m 644 iso3166.tab zone.tab zone1970.tab leap-seconds.list "$zones"
ln -s /usr/share/zoneinfo/Etc/UTC "$tree/etc/localtime"
echo Etc/UTC >"$tree/etc/timezone"
