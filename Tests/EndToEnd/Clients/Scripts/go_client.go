// Logs in with golang.org/x/crypto/ssh: a command, a terminal, a forwarded connection.
//
// Usage: go_client HOST:PORT USER KEY KNOWN_HOSTS
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func check(claim string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", claim, err)
		os.Exit(1)
	}
}

func command(client *ssh.Client) {
	session, err := client.NewSession()
	check("a session", err)
	var output, errors bytes.Buffer
	session.Stdout, session.Stderr = &output, &errors
	session.Stdin = strings.NewReader("in")
	err = session.Run("cat; echo err >&2; exit 7")
	exit, isExit := err.(*ssh.ExitError)
	if !isExit || exit.ExitStatus() != 7 || output.String() != "in" || errors.String() != "err\n" {
		check("the command", fmt.Errorf("%v, %q, %q", err, output.String(), errors.String()))
	}
}

func terminal(client *ssh.Client) {
	session, err := client.NewSession()
	check("a session", err)
	check("a terminal", session.RequestPty("xterm", 31, 97, ssh.TerminalModes{ssh.ECHO: 0}))
	input, err := session.StdinPipe()
	check("its input", err)
	output, err := session.StdoutPipe()
	check("its output", err)
	check("a shell", session.Shell())
	fmt.Fprintf(input, "stty size\n")
	awaitText(output, "31 97\r\n")
	check("a resize", session.WindowChange(40, 132))
	fmt.Fprintf(input, "stty size\n")
	awaitText(output, "40 132\r\n")
	fmt.Fprintf(input, "exit 3\n")
	exit, isExit := session.Wait().(*ssh.ExitError)
	if !isExit || exit.ExitStatus() != 3 {
		check("the shell's exit", fmt.Errorf("%v", exit))
	}
}

func awaitText(output io.Reader, text string) {
	seen, piece := "", make([]byte, 4096)
	for !strings.Contains(seen, text) {
		count, err := output.Read(piece)
		check(fmt.Sprintf("waiting for %q in %q", text, seen), err)
		seen += string(piece[:count])
	}
}

// A connection to a server that a session of the same login runs.
func forward(client *ssh.Client) {
	session, err := client.NewSession()
	check("a session", err)
	output, err := session.StdoutPipe()
	check("its output", err)
	check("a server", session.Start(`exec python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print("port", s.getsockname()[1], ".", flush=True)
c = s.accept()[0]
while piece := c.recv(65536):
    c.sendall(piece)
c.close()'`))
	var port int
	_, err = fmt.Fscanf(output, "port %d .", &port)
	check("its port", err)
	connection, err := client.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	check("a forwarded connection", err)
	data := bytes.Repeat([]byte("forwarded "), 100000)
	go func() {
		connection.Write(data)
		connection.(interface{ CloseWrite() error }).CloseWrite()
	}()
	back, err := io.ReadAll(connection)
	check("what comes back", err)
	if !bytes.Equal(back, data) {
		check("what comes back", fmt.Errorf("%d other bytes", len(back)))
	}
}

func main() {
	time.AfterFunc(80*time.Second, func() { check("in time", fmt.Errorf("80 s have passed")) })
	pem, err := os.ReadFile(os.Args[3])
	check("the key", err)
	key, err := ssh.ParsePrivateKey(pem)
	check("the key", err)
	hosts, err := knownhosts.New(os.Args[4])
	check("the known hosts", err)
	client, err := ssh.Dial("tcp", os.Args[1], &ssh.ClientConfig{
		User:              os.Args[2],
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback:   hosts,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	check("the login", err)
	command(client)
	terminal(client)
	forward(client)
	fmt.Println("ok")
}
