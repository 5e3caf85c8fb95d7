# jq: paths, construction, pipes, conditionals, arithmetic, and builtin functions on objects and arrays.
# needs: jq
cd "$(mktemp -d)"
cat >d.json <<'J'
{"users":[{"name":"ann","age":30,"tags":["a","b"]},{"name":"bob","age":25,"tags":[]},{"name":"cy","age":41,"tags":["b","c"],"extra":null}],"total":3,"nested":{"x":{"y":[1,2,{"z":true}]}}}
J
jq . d.json; jq -c . d.json; jq .total d.json; jq -c '.users[0]' d.json; jq '.users[-1].name' d.json
jq -r '.users[].name' d.json; jq -c '.users | map(.age)' d.json; jq -c '.nested.x.y[2].z, .nested["x"]' d.json
jq -c '.users[1:]|length' d.json; jq -c '[.users[] | select(.age > 28) | .name]' d.json
jq -c '.users | map({(.name): .age}) | add' d.json; jq -c '.users[] | {name, n: (.tags | length)}' d.json
jq -c '[.users[].tags[]] | unique' d.json; jq -c '.users | sort_by(.age) | map(.name)' d.json
jq -c '.users | group_by(.age > 28) | map(length)' d.json; jq -c '.users | max_by(.age).name, min_by(.age).name' d.json
jq -c 'keys, (.nested | keys_unsorted), has("total"), (.users | has(5))' d.json
jq -c 'to_entries | map(.key)' d.json; jq -c '.users[0] | with_entries(.value |= tostring)' d.json
jq -c '.users[0] | del(.tags)' d.json; jq -c '.users[0].age |= . + 1 | .users[0].age' d.json; jq -c '.total += 2 | .total, (.new = "n" | .new)' d.json
jq -c '.users[2].extra // "none", .missing // "default", (.missing?.x?)' d.json
jq -c 'if .total > 2 then "many" elif .total == 1 then "one" else "few" end' d.json
jq -c '[paths(type == "boolean")], [paths(scalars)] | length' d.json; jq -c '[.. | numbers]' d.json; jq -c 'getpath(["nested","x","y",0])' d.json
jq -nc '[range(5)], [range(2;10;3)], [limit(3; range(100))], first(range(7;9)), [1,2,3][1], ([1,2,3] | index(2))'
jq -nc '[1,[2,[3]]] | flatten, flatten(1)'; jq -nc '[3,1,2] | sort, reverse, add, length, min, max, (map(. * 2) | add / length)'
jq -nc '"abc" | length, ascii_upcase, explode, (explode | implode), test("B"; "i"), .[1:2]'
jq -nc '"a,b,c" | split(","), (split(",") | join("-")), ltrimstr("a,"), startswith("a"), contains("b,")'
jq -nc '"x1y22" | [scan("[0-9]+")], sub("[0-9]"; "N"), gsub("(?<d>[0-9])"; "<\(.d)>"), [match("[0-9]+"; "g").offset], capture("(?<l>[a-z])(?<n>[0-9])")'
jq -nc '10 / 4, 7 % 3, (2 | pow(.; 10)), (16 | sqrt), (3.7 | floor), -1 , 1 == 1.0, (1 < "a"), ([] < {}), (null < false)'
jq -nc '{"a":1} + {"b":2}, {"a":{"b":1}} * {"a":{"c":2}}, [1,2,3] - [2], "ab" * 2, "a,b" / ","'
jq -nc 'reduce range(5) as $i (0; . + $i), [foreach range(4) as $i (0; . + $i; [$i, .])], ([1,2] | combinations(2))'
jq -nc 'def f(x): x * 2; def g: . + 1; f(3 | g), ([1,2] | map(f(.)))'; jq -nc '[.[]?], (try error("boom") catch .), ([1,"a",null] | map(try (. + 1) catch "bad"))'
jq -nc '1 as $x | [2, 3] as [$y, $z] | {"k": 4} as {k: $w} | [$x, $y, $z, $w]'; jq -nc '[1,2] | any(. > 1), all(. > 1), (inside([1,2,3])), (map(in([0,1,2])))'
jq -nc '[splits("a"; "b")]' 2>/dev/null; jq -nc '"\(1 + 2) is three", @text "x\(1)"'; jq -nc '[1,null,2] | map(values), (.[0] |= empty)' | head -n 1
jq -c 'walk(if type == "number" then . + 1 else . end) | .total' d.json; jq -c '[.users[] | .name as $n | .tags[] | {$n, t: .}]' d.json; jq -c 'tostream' <<<'{"a":[1]}'; jq -nc 'input_line_number, ([limit(2; repeat(1))])'
jq -nc '[{"a":1,"b":2},{"a":3}] | INDEX(.a) | keys'; jq -nc '[while(. != null and . < 20; (. // 1) * 2)] , [1 | until(. > 50; . * 3)]'; jq -nc '"2015-03-05T23:51:47Z" | fromdate, (fromdate | todate), strptime("%Y-%m-%dT%H:%M:%SZ")[0]'; jq -nc '[1,2,3] | IN(2), (.[] | IN(2, 3))'
