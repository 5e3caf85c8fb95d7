# A configuration in JSON read, checked, changed and merged with jq.
# needs: jq
set -euo pipefail
cd "$(mktemp -d)"
cat > config.json <<'EOF'
{"name": "svc", "version": "1.4.2", "replicas": 2, "env": {"LOG": "info", "PORT": "8080"},
 "hosts": [{"name": "a", "up": true, "load": 0.5}, {"name": "b", "up": false, "load": 0}, {"name": "c", "up": true, "load": 1.25}]}
EOF
version=$(jq -r .version config.json)
IFS=. read -r major minor patch <<< "$version"
echo "bumping $version to $major.$((minor + 1)).0"
jq --arg v "$major.$((minor + 1)).0" '.version = $v | .replicas += 1' config.json > new.json && mv new.json config.json
jq -c '{version, replicas}' config.json
jq -r '.hosts[] | select(.up) | "\(.name)\t\(.load)"' config.json
jq '[.hosts[].load] | add / length * 100 | round / 100' config.json
jq -r '.env | to_entries | map("export \(.key)=\(.value | @sh)") | .[]' config.json > env.sh
. ./env.sh; echo "$LOG on $PORT"
echo '{"env": {"LOG": "debug", "EXTRA": null}, "hosts": []}' > override.json
jq -s '.[0] * .[1] | .env' config.json override.json
jq -e '.missing' config.json || echo "missing: $?"
jq . <<< '{"broken": ' 2>/dev/null || echo broken
jq -r '.hosts | group_by(.up)[] | "\(.[0].up): \(map(.name) | join(","))"' config.json
jq -r '["name", "load"], (.hosts[] | [.name, .load]) | @csv' config.json
while IFS=$'\t' read -r name up; do
    [ "$up" = true ] && echo "$name is up" || echo "$name is DOWN"
done < <(jq -r '.hosts[] | [.name, .up] | @tsv' config.json)
