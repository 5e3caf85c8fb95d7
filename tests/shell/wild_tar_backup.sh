# A backup with tar and gzip, listed, verified by checksums, restored and compared.
# needs: tar gzip
set -eu
work=$(mktemp -d); cd "$work"
mkdir -p data/photos data/notes "data/with space"
for i in 1 2 3 4 5; do head -c $((i * 1000)) /dev/zero | tr '\0' "$i" > "data/photos/img_$i.raw"; done
echo "remember the milk" > data/notes/todo.txt
ln -s ../notes/todo.txt data/photos/link.txt
echo x > "data/with space/a file.txt"
chmod 600 data/notes/todo.txt
find data -type f -print0 | sort -z | xargs -0 sha256sum > MANIFEST
tar -czf backup.tar.gz --exclude='*.tmp' data MANIFEST
tar -tzf backup.tar.gz | sort
gzip -t backup.tar.gz && echo "archive is sound"
mkdir restore
tar -xzf backup.tar.gz -C restore
(cd restore && sha256sum --quiet -c MANIFEST && echo "checksums match")
diff -r data restore/data && echo "trees are equal"
stat -c '%a' restore/data/notes/todo.txt
readlink restore/data/photos/link.txt
echo changed > restore/data/notes/todo.txt
(cd restore && sha256sum -c MANIFEST 2>&1 | grep -v ': OK$') || true
diff -rq data restore/data || echo "diff says $?"
# Only what is newer goes into the next one.
touch -d '2020-01-01' data/photos/*; touch -d '2020-01-02' stamp; touch data/notes/todo.txt
tar -cf inc.tar --newer-mtime='2020-01-02' data 2>/dev/null
tar -tf inc.tar | grep -v '/$' | sort
tar -xOf backup.tar.gz data/notes/todo.txt
tar -xzf missing.tar.gz 2>/dev/null || echo "no archive: $?"
ls backup.tar.gz && rm -r "$work"
