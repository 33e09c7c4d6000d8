"""Logs in with paramiko: a command, files, a terminal.

Usage: paramiko_client.py PORT USER KEY KNOWN_HOSTS
"""

import io
import os
import sys

import paramiko

port, user, key, known_hosts = sys.argv[1:]


def check(claim, seen, expected):
    if seen != expected:
        sys.exit(f"{claim}: {seen!r} instead of {expected!r}")


def read_until(channel, mark):
    seen = b""
    while mark not in seen:
        piece = channel.recv(4096)
        if not piece:
            sys.exit(f"the terminal ended before {mark!r}: {seen!r}")
        seen += piece


client = paramiko.SSHClient()
client.load_host_keys(known_hosts)
client.set_missing_host_key_policy(paramiko.RejectPolicy())
client.connect(
    "127.0.0.1", int(port), user, key_filename=key, look_for_keys=False, allow_agent=False
)

_, output, errors = client.exec_command("echo out; echo err >&2; exit 7", timeout=60)
check("standard output", output.read(), b"out\n")
check("standard error", errors.read(), b"err\n")
check("exit status", output.channel.recv_exit_status(), 7)

data = os.urandom(3_000_000)
sftp = client.open_sftp()
sftp.putfo(io.BytesIO(data), "there", confirm=True)
back = io.BytesIO()
sftp.getfo("there", back)
check("the file is the same", back.getvalue() == data, True)

shell = client.invoke_shell("xterm", width=97, height=31)
shell.settimeout(60)
shell.send(b"stty size; exit 3\n")
read_until(shell, b"31 97\r\n")
check("the shell's exit status", shell.recv_exit_status(), 3)
client.close()
print("ok")
