# Hooks, aliases, configuration, environment.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p
printf '#!/bin/sh\necho "pre-commit in $(basename "$PWD")"\n! git diff --cached | grep -q SECRET\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
printf '#!/bin/bash\necho "checked: $(head -n 1 "$1")" >> "$1"\n' > .git/hooks/commit-msg; chmod +x .git/hooks/commit-msg
echo ok > f; git add f; git commit -qm fine; git log --format=%B; echo SECRET > f; git commit -qam bad; echo "exit $?"; git commit -qnam bad; echo "exit $?"
git init -q --bare ../h.git; printf '#!/bin/sh\nwhile read old new ref; do echo "got $ref"; done\n[ "$ref" != refs/heads/no ]\n' > ../h.git/hooks/pre-receive; chmod +x ../h.git/hooks/pre-receive
git push -q ../h.git main 2>&1 | sed 's/ *$//'; git push -q ../h.git main:no >/dev/null 2>&1; echo "exit $?"
git config alias.last 'log -1 --format=%s'; git last; git config alias.sh '!f() { echo "args: $*"; }; f'; git sh a b
git config user.name X; git config user.name; git config --get-all nothere.x; echo $?; git config core.abc 10k; git config --type=int core.abc; git config --bool core.bare; git config -l --local --name-only | tail -n 2
git config --global --unset nothere.x; echo $?; git config bad; echo $?; git -c a.b=c config a.b; git config --unset user.name
git var GIT_AUTHOR_IDENT; git var GIT_COMMITTER_IDENT | cut -d'>' -f1; (unset GIT_AUTHOR_NAME GIT_COMMITTER_NAME; git config --file x.ini s.k v; cat x.ini)
GIT_EDITOR='echo "from editor" >' git commit -q --allow-empty -n; git log -1 --format=%s; GIT_EDITOR=false git commit --allow-empty -n 2>&1 | tail -n 1
GIT_DIR=$d/p/.git git -C / log -1 --format=%s; GIT_TRACE=1 git rev-parse HEAD 2>&1 >/dev/null | grep -c trace:
git nosuch 2>&1 | head -n 1; git --version | cut -d. -f1; echo hi | git stripspace -c
cd /; rm -rf "$d"
