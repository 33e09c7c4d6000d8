"""Sends USR1, which is not to arrive, then USR2 to a program that prints the name of what it gets.

Usage: signals.py PORT USER KEY KNOWN_HOSTS
"""

import asyncio
import sys

import asyncssh

PROGRAM = (
    "trap 'echo got USR1; exit' USR1; trap 'echo got USR2; exit' USR2; "
    "echo ready; while :; do sleep 0.1; done"
)


async def main():
    port, user, key, known_hosts = sys.argv[1:]
    async with asyncssh.connect(
        "127.0.0.1",
        int(port),
        username=user,
        client_keys=[key],
        known_hosts=known_hosts,
        agent_path=None,
        config=None,
    ) as connection:
        process = await connection.create_process(PROGRAM)
        await process.stdout.readuntil("ready\n")
        process.send_signal("USR1")
        process.send_signal("USR2")
        print(await process.stdout.read(), end="")


asyncio.run(asyncio.wait_for(main(), 60))
