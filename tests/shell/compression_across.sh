# The compressors beside each other: same data through all, binary data, large data, pipes into tar and back.
# needs: gzip bzip2 xz-utils zstd tar
cd "$(mktemp -d)"
seq 200000 >text; head -c 500000 /dev/zero >zeros; awk 'BEGIN { srand(3); for (i = 0; i < 60000; i++) printf "%c", int(rand() * 255) + 1 }' >noise
for f in text zeros noise; do
    for c in gzip bzip2 "xz -2" zstd; do
        $c -c <$f >packed; ${c%% *} -dc <packed | cmp - $f && echo "$c $f"
        [ "$(stat -c %s packed)" -lt "$(stat -c %s $f)" ] || echo "$c does not pack $f"
    done
done
md5sum <text; gzip -c text | gzip -dc | bzip2 | bzip2 -dc | xz -1 | xz -dc | zstd -q | zstd -dc | md5sum
cat text zeros | gzip -1 | tee >(wc -c | awk '{ print ($1 > 0) }' >count; echo >counted) | gunzip | wc -c; until [ -e counted ]; do :; done; cat count
mkdir d; cp text d/; for c in gzip bzip2 xz zstd; do tar cf - d | $c -c | $c -dc | tar xf - -O d/text | tail -n 1; done
for c in gzip bzip2 xz zstd; do printf '' | $c -c | $c -dc | wc -c; $c -dc </dev/null >/dev/null 2>&1; echo "exit $?"; done
for c in gzip bzip2 xz zstd; do yes "some line of text" | head -n 50000 | $c -c | $c -dc | sort -u; done
for c in gzip bzip2 xz zstd; do $c -c text | head -c 1000 | $c -dc >out 2>/dev/null; echo "$c $? $(cmp -n "$(stat -c %s out)" out text && echo prefix)"; done
yes | gzip | gzip -dc | head -n 1; seq 100000 | xz -0 | xzcat | head -n 2 | tail -n 1; echo "${PIPESTATUS[3]}"
