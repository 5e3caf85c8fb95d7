# A release: version bumped in files, a changelog made from the history, tag, archive, checksum.
# needs: git
set -euo pipefail
export GIT_AUTHOR_NAME=Bot GIT_AUTHOR_EMAIL=bot@example.com GIT_COMMITTER_NAME=Bot GIT_COMMITTER_EMAIL=bot@example.com GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE='2025-05-05T05:05:05Z' GIT_COMMITTER_DATE='2025-05-05T05:05:05Z' TZ=UTC
cd "$(mktemp -d)"
git init -q -b main app; cd app
echo '1.2.3' > VERSION; printf '[package]\nname = "app"\nversion = "1.2.3"\n' > package.toml
git add -A; git commit -qm 'chore: start'; git tag v1.2.3
n=0
for message in 'feat: add login' 'fix: crash on empty input' 'docs: explain' 'feat!: drop old API' 'fix(ui): align'; do
    echo "$((++n))" >> work.txt; git add -A; git commit -qm "$message"
done
last=$(git describe --tags --abbrev=0)
bump() {
    local major minor patch; IFS=. read -r major minor patch < VERSION
    case $1 in major) echo $((major + 1)).0.0 ;; minor) echo "$major.$((minor + 1)).0" ;; patch) echo "$major.$minor.$((patch + 1))" ;; esac
}
# (Not grep -q: with pipefail it would be a race whether git still writes when it has gone.)
subjects() { git log --format=%s "$last"..HEAD | grep -c "$1" || true; }
if [ "$(subjects '!:')" -gt 0 ]; then kind=major; elif [ "$(subjects '^feat')" -gt 0 ]; then kind=minor; else kind=patch; fi
version=$(bump "$kind"); echo "$last -> v$version ($kind)"
{
    echo "## $version"
    for section in feat:Features fix:Fixes; do
        echo; echo "### ${section#*:}"
        git log --reverse --format=%s "$last"..HEAD | grep -E "^${section%%:*}(\(.*\))?!?:" | sed -E 's/^[a-z]+(\(([a-z]+)\))?!?: (.*)/- \2 \3/; s/-  /- /'
    done
} > CHANGELOG.md
cat CHANGELOG.md
echo "$version" > VERSION; sed -i -E "s/^(version = )\".*\"/\1\"$version\"/" package.toml
git add -A; git commit -qm "chore: release $version"; git tag -a "v$version" -m "Release $version"
git archive --format=tar --prefix="app-$version/" "v$version" | tar -tf - | sort
git diff --stat "$last" -- VERSION package.toml | cat
git log --oneline --format='%s %d' -2 | cat
mkdir ../dist; git archive --format=tar "v$version" > ../dist/app.tar; (cd ../dist && sha256sum app.tar > SUMS && sha256sum -c SUMS)
git status --short | wc -l; git tag --sort=-v:refname
