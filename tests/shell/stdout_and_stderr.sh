echo out; echo err >&2
{ echo a; echo b >&2; } 2>/dev/null
{ echo c; echo d >&2; } 2>&1 | sort
ls /nonexistent-folder 2>&1 >/dev/null | grep -c nonexistent-folder
exec 3>&1; echo three >&3; exec 3>&-
echo gone >&3
echo "status $?"
