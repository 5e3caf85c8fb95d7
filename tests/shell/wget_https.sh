# wget: files, output, redirects, certificates, retries, exit codes.
# needs: wget openssl
d=$(mktemp -d); cd "$d" || exit
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
h() { f=$1; shift; printf 'HTTP/1.0 %s\r\n' "$1" > $f; shift; for x; do printf '%s\r\n' "$x" >> $f; done; printf '\r\n' >> $f; cat >> $f; }
mkdir w; cd w; h one '200 OK' 'Content-Type: text/plain' <<<'page one'; h moved '301 Moved Permanently' 'Location: /one' </dev/null; h gone '404 Not Found' <<<nothing; h named '200 OK' 'Content-Disposition: attachment; filename=given.txt' <<<named; h denied '403 Forbidden' </dev/null; h bad '500 Broken' </dev/null
h index.html '200 OK' 'Content-Type: text/html' <<<'<a href="/one">1</a> <a href="sub.html">2</a>'; h sub.html '200 OK' 'Content-Type: text/html' <<<'<img src="one">'
openssl s_server -accept 127.0.0.1:4441 -cert ../c.pem -key ../k.pem -HTTP -quiet >../log 2>&1 & s=$!
for i in $(seq 6000); do (: </dev/tcp/127.0.0.1/4441) 2>/dev/null && break; sleep 0.1; done
cd ..; mkdir o; cd o; u=https://localhost:4441; w() { wget -q --ca-certificate=../c.pem -T 20 -t 1 "$@"; r=$?; [ $r = 0 ] || echo "exit $r"; }
w $u/one; cat one; w -O - $u/moved; w -O out $u/one; cat out; w $u/one; ls; w -nc $u/one; w -P dir $u/one; ls dir; w --content-disposition $u/named; cat given.txt
w $u/gone; w $u/denied; w --content-on-error -O - $u/gone; w http://127.0.0.1:1/; w http://nosuch.invalid/; wget -q -t 1 $u/one; echo $?; wget -q --no-check-certificate -O - $u/one; w --max-redirect=0 $u/moved; w --bad-option 2>&1 | head -n 1; wget 2>&1 | head -n 1
w -r -l 2 -nH --no-parent -P rec $u/index.html; find rec -type f | sort; w --spider $u/one; w --spider $u/gone; w -S -O /dev/null $u/one 2>&1 | tr -d '\r'; printf '%s\n' $u/one $u/sub.html > list; w -i list -O -; w -E -k -p -P page -nd $u/sub.html; ls page
wget --ca-certificate=../c.pem -nv -O /dev/null $u/one 2>&1 | sed 's/^[-0-9: ]*//; s/\[.*\]/[]/'; wget --ca-certificate=../c.pem -t 1 -O /dev/null $u/gone 2>&1 | grep -c 'ERROR 404'; wget --ca-certificate=../c.pem -o wlog -O /dev/null $u/one; grep -c saved wlog; wget -V | head -n 1 | cut -d. -f1
kill $s; wait $s 2>/dev/null; w $u/one
cd /; rm -rf "$d"
