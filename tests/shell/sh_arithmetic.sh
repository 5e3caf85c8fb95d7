# Arithmetic expansion: the operators of C in both shells; bash's own; errors.
cat > "$HOME/t" <<'E'
x=7 y=3
echo $((x+y)) $((x-y)) $((x*y)) $((x/y)) $((x%y)) $((-x/y)) $((-x%y)) $((+x)) $((-x)) $((~x)) $((!x))
echo $((x<<y)) $((x>>1)) $((-8>>1)) $((x&y)) $((x|y)) $((x^y)) $((x&&0)) $((0||y)) $((x>y)) $((x<=y)) $((x==7)) $((x!=7))
echo $((x>y?x:y)) $((1?2:0?3:4)) $((x+=2)) $x $((x-=1)) $((x*=2)) $((x/=3)) $((x%=4)) $((x<<=3)) $((x>>=1)) $((x|=8)) $((x&=12)) $((x^=5)) $((x=9))
echo $((010)) $((0x1F)) $((0xfF)) $((2+3*4)) $(((2+3)*4)) $((1+2<<3&7|8))
echo $((9223372036854775807)) $((9223372036854775807+1)) $((-9223372036854775807-1)) $((1<<63)) $((0x7fffffffffffffff))
z=x; echo $((x)) $(($x+1)) $(( $(echo 4) + `echo 5` )) $((unset_one+1))
echo "$(( 1 +
2 ))"
E
for shell in dash bash; do
    echo "== $shell"; $shell "$HOME/t"
    for bad in '1/0' '5%0' '1+' '(1' '08' '1 2' '@'; do
        $shell -c "echo \$(($bad)); echo not reached" >out 2>err; echo "$bad: $? $(wc -l <out) $(($(wc -l <err) > 0))"
    done
done
rm "$HOME/t" out err
echo $((2**10)) $((-2**2)) $((2#1011)) $((16#ff)) $((36#z)) $((64#_)) $((64#@)) $((1,2,3))
i=5; echo $((i++)) $i $((++i)) $((i--)) $((--i)) $((i++ + ++i))
let 'a=3' 'b=a*2' 'a>b'; echo "$? $a $b"; let 0; echo $?; ((a==3)) && echo yes; ((0)) || echo no
e='1+2'; echo $((e*2)); w=(1 2 3); echo $((w[1]+w[2])) $((w[i=2]))
for ((i=0; i<3; i++)); do echo -n "$i "; done; echo
declare -i n=4+4; n+=2; echo $n; n=hello; echo $n
echo $[1+1]; [[ 1+1 -eq 2 ]] && echo equal
(( 1/0 )); echo "exit $?"
let "1 +" 2>/dev/null; echo "exit $?"
echo $(( 2**-1 )); echo "exit $?"
