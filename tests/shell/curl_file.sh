# file: URLs, names of output, ranges, several at once, exit codes.
# needs: curl
d=$(mktemp -d); cd "$d" || exit
printf '0123456789\n' > f; echo two > 'a b'; mkdir out
curl -s "file://$d/f"; curl -s -r 2-4 "file://$d/f"; echo; curl -s -r -3 "file://$d/f"; curl -sI "file://$d/f" | grep -c Content-Length; curl -s "file://$d/a%20b" "file://$d/f"
curl -s -o got "file://$d/f"; cat got; (cd out; curl -sO "file://$d/f"; ls); curl -s "file://$d/{f,a%20b}" -o 'n#1'; ls; curl -s -o "x[1-2]" --output-dir out --create-dirs "file://$d/f"; ls out
curl -s file:///nothere; echo $?; curl -s -f file:///nothere -o none; ls none 2>&1
curl -s nosuch://x; echo $?; curl 2>/dev/null; echo $?; curl --no-such-option 2>&1 | head -n 1; curl -s 'http://[::1'; echo $?; curl -s http://; echo $?; curl -s -o /nothere/x "file://$d/f"; echo $?
curl -sS nosuch://x 2>&1 | cut -c1-35; curl -s -w '%{size_download} %{exitcode} %{filename_effective} %{num_connects}\n' -o w "file://$d/f"; curl -s -w '%{errormsg}' file:///nothere | grep -c /nothere
echo "url = \"file://$d/f\"" > rc; curl -s -K rc; echo "silent" | curl -K - "file://$d/f"; curl -sT f "file://$d/up"; cat up; curl -s -C 5 "file://$d/f" -o -;
curl -s "file://$d/f" -z 2000-01-01 | wc -c; curl --parallel -s "file://$d/f" "file://$d/f" 2>/dev/null; curl -s --fail-early file:///no "file://$d/f"; echo $?; curl -s "file://$d/f" --next -s "file://$d/f"
cd /; rm -rf "$d"
