# client: OpenSSH
# what: a terminal with its size, a resize, Ctrl-C and the shell's exit status
same "the session" "$("$PYTHON" "$SCRIPTS/terminal.py" /usr/bin/ssh -p "$PORT" "${options[@]}" "$target")" ok
