"""Drives an interactive ssh session through a terminal: size, resize, Ctrl-C, exit status.

Usage: terminal.py COMMAND...     runs COMMAND (ssh and its arguments) in a new terminal
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

DEADLINE = 60


class Terminal:
    def __init__(self, command, rows, columns):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            # The size has to be there before ssh asks for it.
            set_size(0, rows, columns)
            os.execv(command[0], command)

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Reads until `pattern` is there, and forgets everything up to its end."""
        end = time.monotonic() + DEADLINE
        while True:
            match = re.search(pattern.encode(), self.seen)
            if match:
                self.seen = self.seen[match.end() :]
                return match
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                sys.exit(f"no {pattern!r} within {DEADLINE} s in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:
                sys.exit(f"the session ended before {pattern!r}: {self.seen!r}")

    def resize(self, rows, columns):
        set_size(self.fd, rows, columns)
        os.kill(self.pid, signal.SIGWINCH)

    def status(self):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    terminal = Terminal(sys.argv[1:], rows=31, columns=97)
    # The marks are put together by the shell, so that the echo of what is typed is none.
    terminal.send("echo ready-$((1+1))\r")
    terminal.expect("ready-2\r\n")
    terminal.send("echo term-$TERM-$((1+1)); stty size\r")
    terminal.expect("term-xterm-256color-2\r\n31 97\r\n")
    # A program in the foreground is told of the resize by a signal.
    terminal.send(
        "sh -c 'trap \"stty size; exit\" WINCH; echo waits-$((1+1)); while sleep 0.1; do :; done'\r"
    )
    terminal.expect("waits-2\r\n")
    terminal.resize(rows=40, columns=132)
    terminal.expect("40 132\r\n")
    # The program itself says that it runs: before, the signal would be for the shell.
    terminal.send("sh -c 'echo started-$((1+1)); exec sleep 1000'\r")
    terminal.expect("started-2\r\n")
    terminal.send("\x03")
    terminal.expect(r"\^C")
    terminal.send("echo after-$?-$((1+1))\r")
    terminal.expect("after-130-2\r\n")
    terminal.send("exit 5\r")
    status = terminal.status()
    if status != 5:
        sys.exit(f"the exit status was {status}")
    print("ok")


main()
