# client: OpenSSH
# what: ten sessions at a time over one connection
master
for number in {1..10}; do
    ssh_to "${control[@]}" "$target" "sleep 0.2; echo $number; cat" <<<"in $number" >"out$number" &
    pids[number]=$!
done
for number in {1..10}; do
    wait "${pids[number]}"
    same "session $number" "$(<"out$number")" "$number"$'\n'"in $number"
done
