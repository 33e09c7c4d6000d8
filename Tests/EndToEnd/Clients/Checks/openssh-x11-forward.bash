# client: OpenSSH -X
# what: a program there reaches the X server here, with a cookie that is not the real one
# needs: xauth
# there: python3
display=$(( $(free_port) % 20000 + 100 ))
"$PYTHON" "$SCRIPTS/x_server.py" "$display" "$WORK/real" >seen &
stop_at_end $!
until_true grep -q ready seen
touch real
xauth -q -f real add "127.0.0.1:$display" MIT-MAGIC-COOKIE-1 "$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"
export DISPLAY=127.0.0.1:$display XAUTHORITY=$WORK/real
for kind in -X -Y; do
    ssh_to "$kind" -o ForwardX11Timeout=60 -o XAuthLocation="$(command -v xauth)" "$target" 'exec python3 -' \
        <"$SCRIPTS/x_client.py" >answer 2>errors || fail "$kind: $(<errors)"
    same "$kind: the answer of the X server" "$(<answer)" "accepted"
done
