# ed: addresses, editing commands, substitution, global commands, files, shell, errors and exit codes.
# needs: ed
cd "$(mktemp -d)"
seq 5 | sed 's/^/line /' >f
printf '%s\n' ,p 2p '$p' .= = 2,3n ,l q | ed -s f
printf '%s\n' 2a new . 1i first . 4c changed . ,p w q | ed -s f; cat f
printf '%s\n' 2d '$d' 1,2m'$' ,p 1t2 ,p 1,2j ,p u ,p Q | ed -s f
printf '%s\n' ',s/line/LINE/' ',p' 's/I/i/p' ',s/\(L\)\(I\)/\2\1/g' ',p' ',s/E/&&/2' '1,$s/ [0-9]/ <&>/' ,p Q | ed -s f
printf '%s\n' 'g/line/p' 'v/line/p' 'g/line/s//row/p' 'g/row/m0' ,p 'g/first/d' ,p Q | ed -s f
printf '%s\n' /line/p // '?new?' '/line/;+1p' 'ka' "'ap" '1ka' "'a,.p" '2;3p' '-p' '+2p' Q | ed -s f
ed f <<< $'p\nq'; ed -s f <<< $'r f\n,p\nf other\nf\nw out\nQ'; wc -l <out; ed -s f <<< $'1,2w part\nW part\nQ'; cat part; ed -s f <<< $'e out\n$p\n!echo shell\nr !echo read\n$p\nw !cat\nQ'
ed -s f <<< $'d\nq\nq'; echo "exit $?"; ed -s f <<< $'99p'; echo "exit $?"; ed -s nofile <<< $'q'; echo "exit $?"; ed -s f <<< $'z9\nH\nnosuch\n99p\ns/zzz/y/\nh\nQ'; echo "exit $?"; printf 'H\n/zzz/\n' | ed -s f; echo "exit $?"; ed -p '> ' -s f <<< $'1p\nq'; ed -v f <<< $'99\nq'; printf 'a\nno newline' | ed -s new; printf '0a\ntop\n.\nwq\n' | ed -s f; head -n 1 f; ed -s f <<< $'1z2\n3,4p\n,g/./s/$/!/\\\np\nQ'
diff -e <(seq 5) <(seq 5 | sed 's/3/three/; 5d') >e.diff; seq 5 >g; (cat e.diff; echo w) | ed -s g; cat g; ed -s f <<< $'1,3s/[a-z]*/\\\n/\n,n\nQ'; ed -s --nosuch 2>/dev/null; echo "exit $?"
