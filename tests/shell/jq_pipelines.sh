# jq with other programs: logs, CSV, configuration, loops of the shell.
# needs: jq
cd "$(mktemp -d)"
for i in 1 2 3 4 5; do printf '{"id":%d,"level":"%s","ms":%d}\n' $i "$([ $((i % 2)) = 0 ] && echo warn || echo info)" $((i * i * 10)); done >log
jq -r '[.id, .level, .ms] | @tsv' log | while IFS=$'\t' read -r id level ms; do echo "$id is $level after $ms"; done
jq -s -c 'group_by(.level) | map({level: .[0].level, n: length, total: map(.ms) | add})' log
jq -r 'select(.level == "warn") | .id' log | paste -sd+ ; jq -s 'map(.ms) | sort | .[length / 2 | floor]' log
jq -r '.level' log | sort | uniq -c | sed 's/^ *//'
printf 'name,age\nann,30\nbob,25\n' | jq -R -s -c 'split("\n") | map(select(length > 0) | split(",")) | .[0] as $h | .[1:] | map([$h, .] | transpose | map({(.[0]): .[1]}) | add)'
echo '{"version":"1.0.0","deps":{"a":"^1","b":"~2"}}' >package.json
jq '.version = "1.0.1" | .deps.c = "3"' package.json >new && mv new package.json; jq -r '.deps | to_entries[] | "\(.key)@\(.value)"' package.json; jq -r .version package.json
for k in $(jq -r '.deps | keys[]' package.json); do echo "dep $k=$(jq -r --arg k "$k" '.deps[$k]' package.json)"; done
eval "$(jq -r '@sh "v=\(.version) n=\(.deps | length)"' package.json)"; echo "$v $n"
mapfile -t list < <(jq -r '.deps[]' package.json); echo "${#list[@]} ${list[0]}"
seq 10 | jq -s -c 'map(select(. % 2 == 0))'; seq 5 | jq -n -c '[inputs | . * .]'; ls -d / | jq -R .
jq -n --arg user "$(id -u | sed 's/.*/u/')" --argjson list "$(printf '"%s"\n' a b | jq -s -c .)" -c '{$user, $list}'
jq -c --slurpfile a <(echo '{"k":1}') -n '$a[0]'; jq -c -s '.[0] * .[1]' <(echo '{"a":{"x":1}}') <(echo '{"a":{"y":2}}')
jq -n -c '[range(2000)] | length, add' ; jq -n '[range(100000)] | map(. + 1) | add'; yes '{"a":1}' | head -n 20000 | jq -n 'reduce inputs as $i (0; . + $i.a)'
jq -r '.a' <<<'{"a":"line1\nline2"}'; jq -r 'to_entries|map("export \(.key|ascii_upcase)=\(.value|@sh)")|.[]' <<<'{"home":"a b","n":1}'
jq -c 'del(.. | nulls)' <<<'{"a":null,"b":[1,null]}' 2>/dev/null; jq -c 'delpaths([paths(. == null)])' <<<'{"a":null,"b":[1,null]}'; jq -r 'paths | join(".")' <<<'{"a":{"b":1,"c":{"d":2}}}'
if jq -e '.ok' <<<'{"ok":true}' >/dev/null; then echo yes; fi; jq -e . >/dev/null 2>&1 <<<'nope' || echo "not json"
