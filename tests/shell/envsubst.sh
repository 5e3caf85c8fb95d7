# envsubst: templates of deployments: variables of both kinds, a chosen few, what is not set, -v, errors.
# needs: gettext-base
export NAME=web PORT=8080 EMPTY= PRICE='$5'
echo 'server $NAME listens on ${PORT}; [$EMPTY] [$UNSET] [${UNSET}] cost $PRICE' | envsubst
echo 'only $NAME, not $PORT or ${PORT}' | envsubst '$NAME'; echo '$NAME ${PORT} $HOST' | envsubst '${PORT} and $NAME'
envsubst <<'END'
$$NAME $ {NAME} $1 ${NAME ${NAME} $NAMEX ${NAME}X $-NAME ${-}
plain line without newline at the end, then one variable: $PORT
END
printf '%s' 'no newline $NAME' | envsubst; echo
envsubst -v 'a $ONE ${TWO} $ONE b'; envsubst -v; echo "exit $?"; envsubst a b </dev/null; echo "exit $?"; envsubst --bad 2>&1 | head -n 1
echo '$NAME' | env -i "$(command -v envsubst)"; seq 3000 | sed 's/$/ $NAME/' | envsubst | md5sum; envsubst </dev/null; echo "empty $?"
