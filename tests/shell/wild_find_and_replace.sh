# A rename across a source tree, with a dry run, a backup and a report of what changed.
# needs: findutils
set -euo pipefail
cd "$(mktemp -d)"
mkdir -p src/lib src/vendor
cat > src/main.c <<'EOF'
#include "old_name.h"
int main(void) { return old_name_run(OLD_NAME_FLAG); } /* old_name */
EOF
cat > src/lib/old_name.h <<'EOF'
#define OLD_NAME_FLAG 1
int old_name_run(int flags);
EOF
echo 'old_name stays' > src/vendor/third.c
printf 'binary\0old_name\0' > src/blob.bin
echo "== dry run"
grep -rIl --exclude-dir=vendor 'old_name\|OLD_NAME' src | sort
grep -rIn --exclude-dir=vendor -w 'old_name' src || true
echo "== replace"
find src -path src/vendor -prune -o -type f -name '*.[ch]' -print0 |
    xargs -0 sed -i.bak -e 's/old_name/new_name/g' -e 's/OLD_NAME/NEW_NAME/g'
find src -name '*old_name*' ! -name '*.bak' -not -path '*/vendor/*' | while read -r file; do
    mv -v "$file" "${file//old_name/new_name}"
done
find src -name '*.bak' | sort | while IFS= read -r bak; do
    new=${bak%.bak}; [ -e "$new" ] || new=${new//old_name/new_name}
    echo "-- $new: $(diff "$bak" "$new" | grep -c '^>') lines"
done
cat src/main.c src/lib/new_name.h src/vendor/third.c
find src -name '*.bak' -delete
find src -type f | sort
cmp src/blob.bin <(printf 'binary\0old_name\0') && echo "the binary is as it was"
