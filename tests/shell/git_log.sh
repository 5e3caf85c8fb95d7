# What log, shortlog and rev-list tell, in the formats that scripts use.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
n=0; for who in Ann Bob Ann Cid; do n=$((n + 1)); mkdir -p s; echo $n >> f; echo $n > s/$who
git add .; GIT_AUTHOR_NAME=$who GIT_AUTHOR_DATE="2024-02-0${n}T10:00:00+0200" GIT_COMMITTER_DATE="2024-02-0${n}T12:00:00Z" git commit -qm "change $n" -m "body of $n"; done
git log --oneline
git log -2
git log --format='%H|%h|%T|%an|%ae|%aI|%ci|%s|%b|%d' -1
git log --format='%(trailers)%cn %ar' -1 | cut -c1-3
git log --pretty=fuller -1
git log --author=Ann --format=%s; git log --grep='2$' --format=%s; git log -S3 --format=%s
git log --since=2024-02-02T23:00:00Z --until=2024-02-03T23:00:00Z --format=%s
git log --reverse --format=%s -- s/Ann; git log --stat --format=%s -1; git log --numstat --format= -2; git log --shortstat --format=
git log --name-only --format=%s -1; git log -p -1 --format=%s f; git log --follow --oneline -- f | wc -l
git log -L1,1:f --format=%s -s; git log --date=format:%Y/%m --format=%ad -1; git log --date=unix --format=%ad -1; git log --date=raw --format=%ad -1
git shortlog -sn HEAD; git shortlog HEAD
git rev-list --count HEAD; git rev-list --max-parents=0 HEAD
git log --no-such; echo $?
git log nothere; echo $?
git -c color.ui=always log --oneline --decorate -1 | od -c | head -n 3
cd /; rm -rf "$d"
