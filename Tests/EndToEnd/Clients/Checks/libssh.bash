# client: libssh
# what: a command's streams and exit status, a file by sftp, a forwarded connection
# needs: clang /usr/include/libssh/libssh.h
# there: python3
clang -o client "$SCRIPTS/libssh_client.c" -lssh
same "the program" "$(./client "$HOST" "$PORT" "$LOGIN" "$KEY" "$KNOWN_HOSTS" "$there")" ok
