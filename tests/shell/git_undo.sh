# Reset, restore, revert, cherry-pick, amend, reflog.
# needs: git
export TZ=UTC LC_ALL=C GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.com GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.com
export GIT_AUTHOR_DATE="2024-01-02T03:04:05Z" GIT_COMMITTER_DATE="2024-01-02T03:04:05Z"
git config --global init.defaultBranch main
git config --global advice.detachedHead false
d=$(mktemp -d); cd "$d" || exit
git init -q p; cd p; for i in 1 2 3 4; do echo $i > f$i; git add .; git commit -qm c$i; done
git reset --soft HEAD~; git status --short; git commit -qm again; git reset HEAD~; git status --short; git add .; git commit -qm third; git reset --hard HEAD~1; ls
git reset --hard ORIG_HEAD; git revert --no-edit HEAD~1 | head -n 1; ls; git log -1 --format=%B
echo x > f1; git restore f1; cat f1; echo y > f1; git add f1; git restore --staged f1; git status --short; git checkout -- f1; git restore -s HEAD~2 -- f1; git restore nothere; echo $?
git checkout -qb b HEAD~3; git cherry-pick main~1 | head -n 1; ls; git cherry-pick -x main >/dev/null; git log -1 --format=%B; git cherry main
git commit -q --amend -m amended --author='Bob <b@x>' --date=2020-02-02T00:00:00Z; git log -1 --format='%an %ae %aI %s'
echo c > f1; git commit -qam l; git checkout -q main; echo d > f1; git commit -qam r; git cherry-pick b >/dev/null 2>&1; echo "exit $?"; git status --short | head -n 2; git cherry-pick --abort; git status --short
git reflog -3 --format='%gd %gs'; git reset -q --hard 'HEAD@{1}'; git log -1 --format=%s; git reset --hard nothere; echo $?
git commit -q --allow-empty -m empty; git revert HEAD~20; echo $?; git rm -q f1; git reset -q; git status --short; git rm -q -r nothere; echo $?
cd /; rm -rf "$d"
