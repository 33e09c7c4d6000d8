# client: Go x/crypto
# what: a command's streams and exit status, a terminal with a resize, a forwarded connection
# needs: go /usr/share/gocode/src/golang.org/x/crypto/ssh
# there: python3
export GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$WORK/cache GOFLAGS=-p=2
go build -o client "$SCRIPTS/go_client.go"
same "the program" "$(./client "$HOST:$PORT" "$LOGIN" "$KEY" "$KNOWN_HOSTS")" ok
