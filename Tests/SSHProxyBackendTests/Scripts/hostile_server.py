"""An SSH server that, once it gets a byte, answers an exec request as its command line says:

status   a malformed exit-status        signal   a malformed exit-signal
nothing  CLOSE and no status            open     a malformed channel open
tiny     a maximum packet of 10 bytes   window   a window of 2^32 - 1 bytes
flood    WINDOW_ADJUST beyond 2^32 - 1  stray    data for a channel that does not exist

Prints its port and its host key's fingerprint.
"""

import base64
import hashlib
import socket
import sys
import threading

import paramiko
from paramiko.common import (
    cMSG_CHANNEL_DATA, cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST, cMSG_CHANNEL_WINDOW_ADJUST,
)


class Server(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username):
        return "password"

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=answer, args=(channel, command.decode())).start()
        return True


def message(kind, *parts):
    packet = paramiko.Message()
    packet.add_byte(kind)
    for part in parts:
        if isinstance(part, bool):
            packet.add_boolean(part)
        elif isinstance(part, int):
            packet.add_int(part)
        else:
            packet.add_string(part)
    return packet


def answer(channel, command):
    transport, remote = channel.get_transport(), channel.remote_chanid
    send = transport._send_user_message
    # Not before the answer to the request is out.
    channel.recv(1)
    if command == "status":
        packet = message(cMSG_CHANNEL_REQUEST, remote, "exit-status", False)
        packet.add_bytes(b"\0\0")
        send(packet)
    elif command == "signal":
        send(message(cMSG_CHANNEL_REQUEST, remote, "exit-signal", False, "TERM"))
    elif command == "open":
        send(message(cMSG_CHANNEL_OPEN, "forwarded-tcpip", 7, 1000, 1000, "host"))
        channel.send_exit_status(0)
    elif command == "flood":
        for _ in range(3):
            send(message(cMSG_CHANNEL_WINDOW_ADJUST, remote, 2**31))
        channel.recv(1)
    elif command == "stray":
        send(message(cMSG_CHANNEL_DATA, 4711, "x"))
        channel.recv(1)
    elif command in ("tiny", "window"):
        count = 0
        while count < 100000:
            count += len(channel.recv(65536))
        channel.send(b"%d" % count)
        channel.send_exit_status(0)
    channel.close()


def serve(connection, key):
    transport = paramiko.Transport(connection)
    transport.add_server_key(key)
    if sys.argv[1] == "tiny":
        transport.default_max_packet_size = 10
    if sys.argv[1] == "window":
        transport.default_window_size = 2**32 - 1
    transport.start_server(server=Server())


listener = socket.create_server(("127.0.0.1", 0))
host_key = paramiko.ECDSAKey.generate()
digest = base64.b64encode(hashlib.sha256(host_key.asbytes()).digest()).decode().rstrip("=")
print(listener.getsockname()[1], "SHA256:" + digest, flush=True)
threading.Thread(target=lambda: sys.stdin.read() == "" and __import__("os")._exit(0)).start()
while True:
    client, _ = listener.accept()
    serve(client, host_key)
