# xxd: dumps, plain and C output, reversing, seeking.
# needs: xxd
cd "$(mktemp -d)" || exit
printf 'Hello, world!\n\000\001\377abcdefghijk' >f
xxd f
xxd -p f
xxd -b f
xxd -i f
xxd -i <f
xxd -u -c 8 -g 1 f
xxd -e f
xxd -s 5 -l 6 f
xxd -s -4 f
xxd -o 256 -l 4 f
xxd -a <(head -c 100 /dev/zero)
xxd f | xxd -r | od -c | head -n 2
xxd -p f | xxd -r -p | cksum
echo '48 65 6c 6C 6f0a' | xxd -r -p
printf '00000004: 41 42\n' | xxd -r | od -c
printf abc | xxd -ps
xxd nosuch; echo $?
xxd -c 999 f 2>&1 | head -n 1; echo "${PIPESTATUS[0]}"
