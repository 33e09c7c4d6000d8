"""Logs in with asyncssh: a command, files, a terminal.

Usage: asyncssh_client.py PORT USER KEY KNOWN_HOSTS [KEX…]     with these key exchanges only
"""

import asyncio
import os
import sys
import tempfile

import asyncssh


def check(claim, seen, expected):
    if seen != expected:
        sys.exit(f"{claim}: {seen!r} instead of {expected!r}")


async def command(connection):
    result = await connection.run("echo out; echo err >&2; exit 7")
    check("standard output", result.stdout, "out\n")
    check("standard error", result.stderr, "err\n")
    check("exit status", result.exit_status, 7)


async def files(connection):
    data = os.urandom(3_000_000)
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/here", "wb") as file:
            file.write(data)
        async with connection.start_sftp_client() as sftp:
            await sftp.put(f"{folder}/here", "there")
            await sftp.get("there", f"{folder}/back")
        with open(f"{folder}/back", "rb") as file:
            check("the file is the same", file.read() == data, True)


async def terminal(connection):
    process = await connection.create_process(term_type="xterm", term_size=(97, 31))
    process.stdin.write("stty size\n")
    await process.stdout.readuntil("31 97\r\n")
    process.change_terminal_size(132, 40)
    process.stdin.write("stty size\n")
    await process.stdout.readuntil("40 132\r\n")
    process.stdin.write("exit 3\n")
    await process.wait()
    check("the shell's exit status", process.exit_status, 3)


async def main():
    port, user, key, known_hosts, *exchanges = sys.argv[1:]
    options = {"kex_algs": exchanges} if exchanges else {}
    async with asyncssh.connect(
        "127.0.0.1",
        int(port),
        username=user,
        client_keys=[key],
        known_hosts=known_hosts,
        agent_path=None,
        config=None,
        **options,
    ) as connection:
        await command(connection)
        await files(connection)
        await terminal(connection)
    print("ok")


asyncio.run(asyncio.wait_for(main(), 80))
