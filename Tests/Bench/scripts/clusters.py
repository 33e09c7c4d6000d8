"""Berth on Kubernetes, and the cluster without it: what the API server and its node need by themselves.

The cluster is the double of the tests, or with BERTH_TEST_CLUSTER=live that of KUBECONFIG, with
BERTH_TEST_NAMESPACE, BERTH_TEST_IMAGE and BERTH_TEST_AGENT_IMAGE as for the tests.
"""

import base64
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

import yaml
from websockets.sync.client import connect

from targets import ROOT, Berth, Target, busybox_source, wait_until

LIVE = os.environ.get("BERTH_TEST_CLUSTER") == "live"


class Cluster:
    """Where it is and who we are to it; a double is started and ended with it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        self.namespace = os.environ.get("BERTH_TEST_NAMESPACE", "default")
        self.image = os.environ.get("BERTH_TEST_IMAGE", "busybox:stable" if LIVE else "")
        self.agent_image = os.environ.get("BERTH_TEST_AGENT_IMAGE", "")
        self.image = self.image or "berth-test/busybox"

    def start(self):
        if LIVE:
            self.kubeconfig = os.environ["KUBECONFIG"]
            return
        # Processes of people's pods have to get there, whoever they are.
        place = tempfile.mkdtemp(prefix="berth-cluster-", dir="/tmp")
        os.chmod(place, 0o755)
        build = ROOT / ".build" / os.environ.get("BERTH_BUILD", "release")
        script = ROOT / "Tests/Support/ClusterDouble/Scripts/cluster.py"
        self.process = subprocess.Popen(
            [sys.executable, script, "--folder", place, "--agent", build / "berth-agent",
             "--token", "bench"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: os.path.exists(f"{place}/port"), 60, "the double does not answer")
        self.kubeconfig = f"{place}/kubeconfig"
        self.agent_image = self.agent_image or "berth-test/agent"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)

    # -- calls

    def open(self):
        """Reads the kubeconfig: certificates and tokens in files or in it, no programs."""
        text = yaml.safe_load(pathlib.Path(self.kubeconfig).read_text())
        named = lambda kind, name: next(x for x in text[f"{kind}s"] if x["name"] == name)[kind]
        context = named("context", text["current-context"])
        cluster, user = named("cluster", context["cluster"]), named("user", context["user"])
        self.address = urllib.parse.urlsplit(cluster["server"])
        self.tls = ssl.create_default_context(cafile=self.file(cluster, "certificate-authority"))
        certificate = self.file(user, "client-certificate")
        if certificate:
            self.tls.load_cert_chain(certificate, self.file(user, "client-key"))
        self.headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self.connection = http.client.HTTPSConnection(self.address.netloc, context=self.tls)

    @staticmethod
    def file(tree, key):
        if f"{key}-data" not in tree:
            return tree.get(key)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(base64.b64decode(tree[f"{key}-data"]))
        return file.name

    def call(self, method, path, body=None):
        self.connection.request(
            method, f"/api/v1/namespaces/{self.namespace}/pods{path}",
            body and json.dumps(body), {"Content-Type": "application/json", **self.headers},
        )  # fmt: skip
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {text[:300]}")
        return json.loads(text)

    def stream(self, path):
        """A stream to a container, as soon as there can be one."""
        url = f"wss://{self.address.netloc}/api/v1/namespaces/{self.namespace}/pods{path}"
        deadline = time.monotonic() + 120
        while True:
            try:
                return connect(
                    url, ssl=self.tls, additional_headers=self.headers,
                    subprotocols=["v5.channel.k8s.io"], max_size=None,
                )  # fmt: skip
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def pod(self, name):
        return {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never", "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "shell", "image": self.image, "stdin": True, "stdinOnce": True,
                    "command": ["/bin/sh"],
                    "securityContext": {
                        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
                    },
                }],
            },
        }  # fmt: skip


class BerthOnKubernetes(Berth):
    """The suite with a pod for each connection, and `pool` that wait for connections."""

    source = staticmethod(busybox_source)

    def __init__(self, name, folder, pool=0):
        self.cluster = Cluster(folder)
        self.pool = pool
        super().__init__(name, folder, backend="kubernetes")

    def start(self):
        self.cluster.start()
        metadata = {"namespace": self.cluster.namespace, "generateName": "berth-bench-"}
        spec = {"containers": [{"name": "shell", "image": self.cluster.image}]}
        settings = {
            "CONNECTION__KUBECONFIG": self.cluster.kubeconfig,
            "CONNECTION__QPS": "1000",
            "CONNECTION__BURST": "1000",
            "POD__METADATA": json.dumps(metadata),
            "POD__SPEC": json.dumps(spec),
            "POD__SHELLCOMMAND": "[/bin/sh]",
            "POD__AGENT__IMAGE": self.cluster.agent_image,
            "POOL__MINIMUM": str(self.pool),
            "POOL__MAXIMUM": str(self.pool),
        }
        for key, value in settings.items():
            self.environment[f"BERTH_KUBERNETES__{key}"] = value
        super().start()

    def stop(self):
        super().stop()
        self.cluster.stop()

    def settle(self):
        # A real node needs a second for another one.
        time.sleep(2 if self.pool else 0)


class BareCluster(Target):
    """A client of the cluster that does what has to be done and nothing else, in this process."""

    is_ssh = False

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.cluster = Cluster(folder)
        self.count = 0

    def start(self):
        self.cluster.start()
        self.cluster.open()
        self.resident = self.make()
        self.cluster.stream(f"/{self.resident}/attach?stdin=true&stdout=true").close()
        self.resident = self.make()
        self.hold = self.cluster.stream(f"/{self.resident}/attach?stdin=true&stdout=true")

    def stop(self):
        self.hold.close()
        self.cluster.stop()

    def make(self):
        self.count += 1
        name = f"bench-{os.getpid()}-{self.count}"
        self.cluster.call("POST", "", self.cluster.pod(name))
        return name

    def said(self, stream):
        """Waits for the first output."""
        while True:
            message = stream.recv(timeout=120)
            if message[:1] == b"\x01" and len(message) > 1:
                return

    def login(self):
        """A new pod, and its first output."""
        name = self.make()
        with self.cluster.stream(f"/{name}/attach?stdin=true&stdout=true") as stream:
            stream.send(b"\x00echo ready\n")
            self.said(stream)
        self.cluster.call("DELETE", f"/{name}?gracePeriodSeconds=0")

    def further(self):
        """A program in a pod that is there, until its status is told."""
        path = f"/{self.resident}/exec?command=/bin/true&stdout=true"
        with self.cluster.stream(path) as stream:
            for message in stream:
                if message[:1] == b"\x03":
                    return
