# client: asyncssh
# what: a command, files and a terminal
same "the script" "$("$PYTHON" "$SCRIPTS/asyncssh_client.py" "$PORT" "$LOGIN" "$KEY" "$KNOWN_HOSTS")" ok
