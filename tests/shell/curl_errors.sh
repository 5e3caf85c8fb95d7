# Exit codes and messages of curl when it does not work out.
# needs: curl
d=$(mktemp -d); cd "$d" || exit
e() { curl "$@"; echo "exit $?"; }
e -s http://127.0.0.1:1/; e -s http://nosuch.invalid/; e -s -x 127.0.0.1:1 http://a.test/; e -s -x nosuch.invalid:1 http://a.test/; e -s https://127.0.0.1:1/
e -sS http://nosuch.invalid/ 2>&1 | head -n 1; e -sS http://127.0.0.1:1/ 2>&1 | sed 's/\(127.0.0.1\).*/\1/' | head -n 1
e -s --unix-socket /nothere http://x/; e -s -m 60.2 --connect-timeout 50.1 --retry 2 --retry-delay 1 --retry-connrefused http://127.0.0.1:1/; e -s ftp://127.0.0.1:1/; e -s telnet://127.0.0.1:1; e -s --cert /nothere https://127.0.0.1:1/
e -s 'http://a b/'; e -s http://user@:80/; e -s http://127.0.0.1:99999/; e -s --interface nosuch0 http://127.0.0.1:1/; e -s -T /nothere http://127.0.0.1:1/ 2>/dev/null; e -s --resolve bad http://127.0.0.1:1/
curl -s -o /dev/null -w '%{http_code} %{exitcode} %{num_connects} %{remote_ip} %{url_effective}\n' http://127.0.0.1:1/; curl -s -w '%{json}' -o /dev/null http://127.0.0.1:1/ | tr ',' '\n' | grep '"exitcode"\|"http_code"'
e -s -K /nothere 2>/dev/null; e --data 2>&1 | head -n 1; e -m x http://a/ 2>&1 | head -n 1; e -sS --proto '=https' http://127.0.0.1:1/ 2>&1 | head -n 1 | cut -c1-20; e -s --limit-rate 1x file:///etc/hostname 2>&1 | tail -n 1
curl -s http://127.0.0.1:1/ || echo "or this"; curl -s http://127.0.0.1:1/ http://nosuch.invalid/; echo $?; curl -s http://127.0.0.1:1/ file:///dev/null; echo $?
exec 3<>/dev/null; mkfifo p; (exec 4<>p; curl -s -m 60 file:///dev/null >&4); echo $?
cd /; rm -rf "$d"
