# client: paramiko
# what: a command, files and a terminal
same "the script" "$("$PYTHON" "$SCRIPTS/paramiko_client.py" "$PORT" "$LOGIN" "$KEY" "$KNOWN_HOSTS")" ok
