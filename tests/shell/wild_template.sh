# Templates filled from variables and files: here-documents, envsubst-like sed, arrays, case conversion.
set -euo pipefail
cd "$(mktemp -d)"
cat > page.tmpl <<'EOF'
Dear {{NAME}},
your order {{ORDER}} of {{COUNT}} items ({{TOTAL}}) ships to {{CITY}}.
{{#FOOTER}}
EOF
declare -A values=([NAME]="Zoë & Co" [ORDER]=A/7 [COUNT]=3 [TOTAL]='€ 12.50' [CITY]='São Paulo')
render() {
    local text key; text=$(<"$1")
    for key in "${!values[@]}"; do text=${text//"{{$key}}"/"${values[$key]}"}; done
    printf '%s\n' "$text"
}
render page.tmpl | sed 's/{{#.*}}/-- the team/'
name=widget_factory
class=$(sed -E 's/(^|_)([a-z])/\U\2/g' <<< "$name")
cat <<EOF
class $class:
    """${name//_/ }"""
    def __init__(self${values[COUNT]:+, count=${values[COUNT]}}):
        self.path = "$(tr _ - <<< "$name")"   # literal: \$HOME \`date\`
EOF
cat <<-'EOF'
	tabs are gone, $variables stay
	EOF
declare -u upper="shout"; declare -l lower="QUIET"; echo "$upper $lower ${name^} ${name^^} ${#name}"
printf '%-10s|%5.2f|%05d|%x|%q\n' left 3.14159 42 255 "it's here"
printf '%s=%s\n' a 1 b 2
table=(alpha:1 beta:22 gamma:333)
for row in "${table[@]}"; do printf '%-8s%6s\n' "${row%%:*}" "${row##*:}"; done
echo "${values[CITY]}" | iconv -f UTF-8 -t UTF-8 2>/dev/null || echo "${values[CITY]}"
