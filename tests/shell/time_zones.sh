# Dates in the world's time zones, from the zone files and from POSIX rules.
moments='0 1000000000 1700000000 1718000000 1735689599 -86400 1143334800 4000000000'
for zone in UTC Etc/UTC Europe/Berlin Europe/London Europe/Dublin Europe/Moscow Europe/Istanbul Europe/Kyiv America/New_York America/Los_Angeles \
    America/Sao_Paulo America/Argentina/Buenos_Aires America/St_Johns America/Phoenix America/Caracas Asia/Tokyo Asia/Kolkata Asia/Kathmandu \
    Asia/Shanghai Asia/Tehran Asia/Pyongyang Asia/Gaza Australia/Sydney Australia/Lord_Howe Pacific/Auckland Pacific/Apia Pacific/Kiritimati \
    Africa/Cairo Africa/Monrovia Atlantic/Azores Indian/Maldives; do
    for moment in $moments; do printf '%s ' "$zone"; TZ=$zone date -d @"$moment" '+%F %T %z %Z'; done
done
for zone in Etc/GMT+5 Etc/GMT-14 EST5EDT CST6CDT MST HST CET EET WET GMT Zulu Universal; do printf '%s ' "$zone"; TZ=$zone date -d @1718000000 '+%F %T %z'; done
for rule in 'CET-1CEST,M3.5.0,M10.5.0/3' 'EST5EDT,M3.2.0,M11.1.0' '<+0330>-3:30' 'XYZ3' 'AAA-5:45BBB' 'NZST-12NZDT,M9.5.0,M4.1.0/3' ':Asia/Tokyo' ''; do
    for moment in 1700000000 1718000000; do printf '%s ' "$rule"; TZ=$rule date -d @"$moment" '+%F %T %z %Z'; done
done
echo "-- reading a local time"
for zone in Europe/Berlin America/New_York Asia/Kolkata Australia/Sydney; do
    for text in '2024-03-31 01:59:59' '2024-03-31 03:00:00' '2024-07-01 12:00' '2024-10-27 04:00' '2024-11-03 12:30' '2024-01-01'; do
        TZ=$zone date -d "$text" +%s
    done
done
TZ=Europe/Berlin date -d '2024-07-01 12:00 UTC' '+%F %T %Z'; date -d 'TZ="Asia/Tokyo" 2024-07-01 09:00' -u '+%F %T'
TZ=America/New_York date -d '2024-03-10 01:30 +1 hour' '+%T %Z'
touch -d '2024-07-01 12:00 UTC' /tmp/stamp; TZ=Asia/Tokyo stat -c %y /tmp/stamp; TZ=Europe/Berlin ls -l --time-style=long-iso /tmp/stamp | cut -d' ' -f6,7; rm /tmp/stamp
TZ=Asia/Tokyo printf '%(%F %T %Z)T\n' 1700000000
TZ=Europe/Berlin bash -c 'printf "%(%H:%M %z)T\n" 1718000000'
ls -d /usr/share/zoneinfo/Europe/Berlin /usr/share/zoneinfo/UTC /usr/share/zoneinfo/zone.tab
wc -l </usr/share/zoneinfo/iso3166.tab >/dev/null && grep -c '^DE' /usr/share/zoneinfo/iso3166.tab
