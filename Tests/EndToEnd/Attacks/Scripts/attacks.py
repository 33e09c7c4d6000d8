"""Attacks a gateway and watches it and a session beside the attack.

Usage: attacks.py PORT USER KEY PID ATTACK

Prints one line of JSON: what became of the attack, the gateway's memory and descriptors before, at
most and afterwards, and the echo times of the session beside it. Ends with an error when the
gateway neither answered nor closed in time.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time

import after_login
import before_login


class Watch:
    """The gateway's memory, descriptors and processor time."""

    def __init__(self, pid):
        self.pid = pid
        self.before, self.descriptors, self.most = self.memory(), self.open_files(), 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def memory(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def processor_time(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def watch(self):
        while not self.ended.wait(0.05):
            self.most = max(self.most, self.memory())

    def stop(self):
        self.ended.set()
        self.thread.join()

    def settled(self, own=16, limit=30):
        """The descriptors, once they are about as few as before, or after `limit` seconds; `own`
        are those that the gateway opens for itself, such as connections to authd."""
        end = time.monotonic() + limit
        while self.open_files() > self.descriptors + own and time.monotonic() < end:
            time.sleep(0.1)
        return self.open_files()


def main():
    port, user, key, pid, name = int(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4]), sys.argv[5]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    attack = (before_login.attacks | after_login.attacks)[name]
    watch = Watch(pid)
    victim = subprocess.Popen(
        [sys.executable, os.path.join(os.path.dirname(__file__), "victim.py"), str(port), user, key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    if victim.stdout.readline() != "ready\n":
        sys.exit("the session beside the attack did not start")
    started, spent = time.monotonic(), watch.processor_time()
    try:
        outcome = attack(port, user, key)
    finally:
        spent = watch.processor_time() - spent
        took = time.monotonic() - started
        echoes, _ = victim.communicate(timeout=30)
        watch.stop()
    echoes = sorted(json.loads(echoes))
    print(json.dumps({
        "attack": name, "outcome": outcome, "seconds": round(took, 2), "processor": round(spent, 2),
        "memoryBefore": watch.before, "memoryMost": watch.most,
        "descriptorsBefore": watch.descriptors, "descriptorsAfter": watch.settled(),
        "memoryAfter": watch.memory(),
        "echoes": len(echoes), "echoP50": round(echoes[len(echoes) // 2], 2),
        "echoP99": round(echoes[len(echoes) * 99 // 100], 2), "echoMost": round(echoes[-1], 2),
    }))


main()
