# jq: options and how it reads and writes: -r -j -c -s -n -R -e -S --arg --argjson --args --tab --indent, formats, exit codes.
# needs: jq
cd "$(mktemp -d)"
printf '{"b":1,"a":[1,2]}\n{"b":2}\n' >two; printf 'line one\nline "two"\n' >text
jq -S -c . two; jq -s -c . two; jq -c -s 'map(.b) | add' two; jq --tab . two | head -n 2 | cat -A; jq --indent 1 '.a' two | head -n 3
jq -r '.b' two; jq -j '.b' two; echo; jq -r '"tab\there", "q\"q", "é☃"' <<<1; jq '"tab\there", "é☃"' <<<1; jq -a -n '"é☃😀"'
jq -n '1 + 1'; jq -n '[inputs.b]' -c two; jq -c 'input.b, .b' two; jq -n 'input, input' -c two; jq -n '[., input]' -c two
jq -R . text; jq -R -s . text; jq -R -r 'split(" ")[1]' text; jq -Rn -c '[inputs]' text
jq -n --arg v 'a "b"' '$v'; jq -n --argjson v '{"x":1}' '$v.x'; jq -nc --args '$ARGS.positional' a b; jq -nc --jsonargs '$ARGS.positional' 1 '{"y":2}'
jq -n --slurpfile f two -c '$f | length'; jq -n --rawfile f text '$f | length'; jq -nc --arg a 1 --arg b 2 '$ARGS.named'; jq -nc '$__prog_args' 2>/dev/null; V=env jq -n 'env.V, $ENV.V'
jq -e '.a' two; echo "exit $?"; jq -e '.nothing' <<<'{}'; echo "exit $?"; jq -e '.f' <<<'{"f":false}'; echo "exit $?"; jq -e empty <<<1; echo "exit $?"
jq . <<<'{bad' 2>/dev/null; jq '.[' two 2>/dev/null; echo "exit $?"; jq . nofile 2>/dev/null; echo "exit $?"; jq --nosuch 2>/dev/null; echo "exit $?"
jq '.a.b' <<<'{"a":[1]}' 2>/dev/null; echo "exit $?"; jq '.[0]' <<<'{"a":1}' 2>/dev/null; echo "exit $?"; jq 'error' <<<'"mine"'; echo "exit $?"; jq -n 'error({"a":1})'; echo "exit $?"
jq 'nosuch' <<<1 2>/dev/null; echo "exit $?"; jq -n '1, error("stop"), 2'; echo "exit $?"; jq -n '{} | halt_error(3)'; echo "exit $?"; jq -n 'halt'; echo "exit $?"
jq -r '.[] | @csv' <<<'[[1,"a \"q\"",null,true]]'; jq -r '.[] | @tsv' <<<'[["a\tb","c\\d",1]]'; jq -r '@html, @sh, @base64, (@base64 | @base64d), @json, @text' <<<'"<a & b'"'"'>"'
jq -r '@sh "echo \(.)"' <<<'"it'"'"'s"'; jq -r '@uri "q=\(.)"' <<<'"a b&c/é"'; jq '@json' <<<'[1,{"a":2}]'
echo '# a comment
.b # end' >prog; jq -f prog two; jq --from-file prog two | paste -sd,
printf '1 2 [3]"x"null' | jq -c .; printf '' | jq .; echo "exit $?"; jq --seq -c . <<<1 2>/dev/null | od -c | head -n 1
jq -c --stream . <<<'{"a":[1,{"b":2}]}'; jq -nc '[1|truncate_stream(1; [[0],1],[[1,0],2],[[1,0]],[[1]])]' 2>/dev/null; jq -cn 'fromstream(1|truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]]))'
jq -C -c . <<<'{"a":[1,"s",null,true]}' | grep -c $'\e'; jq -rn '[1,2] | tojson, (tojson | fromjson | length)'; jq --raw-output0 . <<<'"x"' 2>/dev/null | od -c | head -n 0
jq -n '[limit(3; inputs)] | length' <<<'1 2 3 4'; jq -c '.[] as [$a, $b] | {a: $a, b: $b}' <<<'[[1,2],[3,4]]'; jq -n 'debug("m")' 2>/dev/null | head -n 0
