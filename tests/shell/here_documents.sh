name=world
cat <<END
hello $name $((1 + 1)) $(echo sub)
END
cat <<'END'
hello $name
END
cat <<-END
	tabs go
		away
END
read -r a b <<< "here string"
echo "$b $a"
while read -r line; do echo "> $line"; done <<END
1
2
END
