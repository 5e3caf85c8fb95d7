# Archives, bundles, notes and replace.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p; mkdir s; echo 1 > s/f; echo 2 > g; echo 'g export-ignore' > .gitattributes; git add .; git commit -qm one
git archive HEAD | tar -tf -; git archive --prefix=x/ --format=tar HEAD s | tar -xf - -C ..; cat ../x/s/f
git archive -o ../a.tar.gz HEAD; tar -tzf ../a.tar.gz | wc -l; git archive --list
git bundle create -q ../b HEAD main; git bundle verify ../b 2>/dev/null | head -n 3; git bundle list-heads ../b; git clone -q ../b ../fromb; cat ../fromb/g
git notes add -m "a note"; git log -1 --format='%s %N'; git notes show; git notes list | cut -c41-
git archive nothere; echo $?
git hash-object -w g; git cat-file blob $(git rev-parse HEAD:g); echo stdin | git hash-object --stdin; git cat-file --batch-check <<X
HEAD
nothere
HEAD:g
X
git ls-tree -r -l HEAD; git write-tree; t=$(git write-tree); echo made | git commit-tree $t -p HEAD; git update-ref refs/heads/made $(echo made | git commit-tree $t -p HEAD); git log made --format=%s
git repack -adq; git count-objects -v | grep -v size; git verify-pack -v .git/objects/pack/*.idx | grep -c ' blob\| tree\| commit'
git gc -q --prune=now; git prune-packed; git fsck --full; echo $?; git rev-parse --git-dir --show-toplevel | sed "s,$d,D,"
cd /; rm -rf "$d"
