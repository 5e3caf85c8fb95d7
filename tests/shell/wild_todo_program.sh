# A small program in bash with subcommands, options, a data file and exit codes.
cd "$(mktemp -d)" || exit
cat > todo <<'EOF'
#!/usr/bin/env bash
set -euo pipefail
file=${TODO_FILE:-$PWD/todo.txt}
die() { echo "todo: $*" >&2; exit 1; }
usage() { cat <<USAGE
usage: todo add [-p PRIORITY] TEXT... | list [-a] | done N | count
USAGE
}
add() {
    local priority=B OPTIND opt
    while getopts ':p:' opt; do
        case $opt in
        p) priority=$OPTARG ;;
        :) die "-$OPTARG needs a value" ;;
        \?) die "unknown option -$OPTARG" ;;
        esac
    done
    shift $((OPTIND - 1))
    [[ $# -gt 0 ]] || die "nothing to add"
    [[ $priority =~ ^[A-C]$ ]] || die "priority '$priority' is not A, B or C"
    printf '%s\t%s\t%s\n' "$priority" open "$*" >> "$file"
}
list() {
    local all=; [[ ${1:-} == -a ]] && all=1
    [[ -s $file ]] || { echo "(empty)"; return; }
    local n=0 priority state text
    while IFS=$'\t' read -r priority state text; do
        ((++n))
        [[ $state == open || $all ]] && printf '%2d [%s] (%s) %s\n' "$n" "$([[ $state == open ]] && echo ' ' || echo x)" "$priority" "$text"
    done < "$file" || true
}
finish() {
    [[ ${1:-} =~ ^[0-9]+$ ]] || die "'${1:-}' is no number"
    (( $1 >= 1 && $1 <= $(wc -l < "$file") )) || die "there is no item $1"
    sed -i "${1}s/\topen\t/\tdone\t/" "$file"
}
command=${1:-}; [[ $# -gt 0 ]] && shift
case $command in
add) add "$@" ;; list) list "$@" ;; done) finish "$@" ;;
count) cut -f2 "$file" | sort | uniq -c | awk '{print $2 ": " $1}' ;;
''|-h|--help) usage ;;
*) usage >&2; exit 2 ;;
esac
EOF
chmod +x todo
./todo; ./todo list
./todo add -p A "buy milk"; ./todo add write   tests; ./todo add -p C 'quote "this" & $HOME'
./todo add -p Z nothing; echo "bad priority: $?"
./todo add -x; echo "bad option: $?"; ./todo add -p; echo "no value: $?"
./todo done 2; ./todo done 9; echo "no item: $?"; ./todo done two; echo "no number: $?"
./todo list; ./todo list -a; ./todo count
./todo frobnicate; echo "unknown: $?"
TODO_FILE=/nonexistent/x ./todo add y; echo "unwritable: $?"
bash -n todo && echo "syntax is fine"
