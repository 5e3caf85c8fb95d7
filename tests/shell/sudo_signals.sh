# Signals and streams through sudo.
# needs: sudo
sudo sh -c 'trap "echo got TERM; exit 9" TERM; echo ready; kill -TERM $$; sleep 5'; echo "exit: $?"
for signal in KILL TERM INT HUP USR1 ABRT; do
    # A shell of its own tells of the signal, with the process's number.
    bash -c "sudo sh -c 'kill -$signal \$\$'; exit \$?" 2>/dev/null; echo "$signal: $?"
done
cd "$(mktemp -d)" || exit
sudo sh -c 'echo $$ >pid; exec sleep 100' & job=$!
until [ -s pid ]; do :; done
kill "$(cat pid)" 2>/dev/null; echo "the user may not kill it: $?"
sudo kill "$(cat pid)"; wait $job; echo "killed by root: $?"
timeout 1 sudo sleep 5; echo "timeout: $?"
sudo timeout 0.2 sleep 100; echo "timeout inside: $?"
yes | sudo head -n 2
sudo yes 2>/dev/null | head -n 2
echo "PIPESTATUS: $(sudo sh -c 'exit 3' | cat; echo "${PIPESTATUS[@]}")"
sudo sh -c 'echo a; exec >&-; echo b' 2>/dev/null; echo "closed: $?"
sudo cat <<'END'
a here-document
END
exec 5>five; sudo sh -c 'echo five >&5' 2>/dev/null; echo "descriptor 5 is closed: $?"; exec 5>&-
sudo -C 6 true; echo "-C: $?"
x=$(sudo id -un); echo "$x"
sudo sh -c 'cat; echo end' </dev/null
(sudo true && echo and) || echo or
