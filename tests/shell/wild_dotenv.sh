# An .env file read with care, tools checked, a PATH of one's own, defaults and required variables.
set -u
cd "$(mktemp -d)" || exit
mkdir bin
printf '#!/bin/sh\necho "fake tool $* with ${API_KEY:-none}"\n' > bin/deploy; chmod +x bin/deploy
cat > .env <<'EOF'
# comment
APP_NAME=demo
API_KEY='s3cr3t with spaces'
URL="https://example.com/?a=1&b=2"

EMPTY=
export DEBUG=true
NOT VALID
EOF
load() {
    local line key value n=0
    while IFS= read -r line || [[ -n $line ]]; do
        ((++n))
        line=${line#export }
        [[ -z $line || $line == \#* ]] && continue
        if [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]]; then
            key=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
            if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
            printf -v "$key" %s "$value"; export "${key?}"
        else
            echo "line $n: cannot read '$line'" >&2
        fi
    done < "$1"
}
load .env
for key in APP_NAME API_KEY URL EMPTY DEBUG; do printf '%s=[%s]\n' "$key" "${!key}"; done
deploy now 2>&1 | sed 's/^.*: line [0-9]*: //'
PATH=$PWD/bin:$PATH
hash -r; deploy now; type -t deploy
env -i PATH="$PATH" deploy clean
env -u API_KEY deploy without
for tool in bash sed grep nosuchtool; do
    command -v "$tool" >/dev/null && echo "$tool: found" || echo "$tool: missing"
done
: "${PORT:=8080}" "${HOST:-}"; echo "$PORT"
(: "${TOKEN:?must be set}") 2>&1 | sed 's/^.*TOKEN/TOKEN/'
( set -a; . <(grep -E '^[A-Z_]+=' .env); env | grep '^APP_' )
export -p | grep -c 'API_KEY'
readonly APP_NAME; (APP_NAME=other) 2>&1 | sed 's/^.*APP_NAME/APP_NAME/'
unset API_KEY; echo "${API_KEY-unset}"; compgen -v APP_
