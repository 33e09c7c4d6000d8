"""The node: containers as processes of this machine, and what becomes of them."""

import asyncio
import os
import shutil
import signal

from container import Container
from store import now


class Node:
    def __init__(self, images, state, store):
        self.images, self.state, self.store = images, state, store
        self.containers = {}
        self.tasks = {}
        # Seconds; a real node needs about 0.25 and 0.7.
        self.settings = {"start": 0.05, "report": 0.1, "missing": [], "unschedulable": False,
                         # Programs that no container has.
                         "hidden": []}

    # -- life of a pod

    def start(self, namespace, name):
        self.tasks[(namespace, name)] = asyncio.ensure_future(self.run(namespace, name))

    def set(self, namespace, name, **status):
        self.store.change(namespace, name, lambda pod: pod["status"].update(status))

    async def run(self, namespace, name):
        spec = self.store.pods[(namespace, name)]["spec"]
        # The one node has no labels that anybody could ask for.
        lacks = spec.get("nodeSelector") and "1 node(s) didn't match Pod's node affinity/selector"
        if self.settings["unschedulable"] or lacks:
            self.set(namespace, name, conditions=[{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": f"0/1 nodes are available: {lacks or '1 Insufficient memory'}."}])
            while self.settings["unschedulable"] or lacks:
                await asyncio.sleep(0.02)
        self.set(namespace, name, startTime=now(), conditions=[
            {"type": "PodScheduled", "status": "True"}])
        await asyncio.sleep(self.settings["start"])
        for index, init in enumerate(spec.get("initContainers") or []):
            await self.pull(namespace, name, init, "initContainerStatuses")
            container = await self.begin(namespace, name, init)
            code = await container.end()
            if code != 0:
                return self.finish(namespace, name)
        for own in spec["containers"]:
            await self.pull(namespace, name, own, "containerStatuses")
        running = [await self.begin(namespace, name, own) for own in spec["containers"]]
        await asyncio.sleep(self.settings["report"])
        self.report(namespace, name, "Running", [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}])
        for container in running:
            await container.end()
        self.finish(namespace, name)

    async def pull(self, namespace, name, spec, key):
        reasons = ["ErrImagePull", "ImagePullBackOff"]
        turn = 0
        while spec["image"] in self.settings["missing"] or not os.path.isdir(
                self.image(spec["image"])):
            reason = reasons[min(turn, 1)]
            self.set(namespace, name, **{key: [{
                "name": spec["name"], "ready": False, "restartCount": 0,
                "state": {"waiting": {
                    "reason": reason,
                    "message": f'Back-off pulling image "{spec["image"]}"'}}}]})
            turn += 1
            await asyncio.sleep(0.2)

    def image(self, name):
        return os.path.join(self.images, name.replace("/", "_").replace(":", "_"))

    async def begin(self, namespace, name, spec):
        pod = self.store.pods[(namespace, name)]
        folder = os.path.join(self.state, pod["metadata"]["uid"])
        container = Container(self.image(spec["image"]), folder, pod["spec"], spec, name)
        self.containers[(namespace, name, spec["name"])] = container
        await container.start()
        return container

    def report(self, namespace, name, phase, conditions, **more):
        statuses = {"containerStatuses": [], "initContainerStatuses": []}
        pod = self.store.pods.get((namespace, name))
        if pod is None:
            return
        for key, part in (("containerStatuses", "containers"),
                          ("initContainerStatuses", "initContainers")):
            for spec in pod["spec"].get(part) or []:
                container = self.containers.get((namespace, name, spec["name"]))
                statuses[key].append({
                    "name": spec["name"], "image": spec["image"], "restartCount": 0,
                    "ready": bool(container and container.is_running),
                    "state": container.state() if container else {
                        "waiting": {"reason": "ContainerCreating"}},
                })
        # The server's own order is that of the names.
        statuses["containerStatuses"].sort(key=lambda entry: entry["name"])
        self.set(namespace, name, phase=phase, conditions=conditions, **statuses, **more)

    def finish(self, namespace, name, **more):
        codes = [c.code for key, c in self.containers.items() if key[:2] == (namespace, name)]
        phase = "Failed" if any(codes) or more else "Succeeded"
        self.report(namespace, name, phase, [{"type": "Ready", "status": "False"}], **more)

    # -- ends

    def own(self, namespace, name):
        return [c for key, c in self.containers.items() if key[:2] == (namespace, name)]

    def delete(self, namespace, name, grace):
        pod = self.store.pods.get((namespace, name))
        if pod is None:
            return
        if not pod["metadata"].get("deletionTimestamp"):
            def mark(found):
                found["metadata"]["deletionTimestamp"] = now()
                found["metadata"]["deletionGracePeriodSeconds"] = grace
            self.store.change(namespace, name, mark)
        asyncio.ensure_future(self.end(namespace, name, grace))

    async def end(self, namespace, name, grace):
        task = self.tasks.pop((namespace, name), None)
        if task:
            task.cancel()
        containers = self.own(namespace, name)
        for container in containers:
            container.kill(signal.SIGTERM)
        for container in containers:
            try:
                await asyncio.wait_for(asyncio.shield(container.end()), max(grace, 0.01))
            except asyncio.TimeoutError:
                container.kill(signal.SIGKILL)
                await container.end()
        pod = self.store.pods.get((namespace, name))
        if pod:
            shutil.rmtree(os.path.join(self.state, pod["metadata"]["uid"]), ignore_errors=True)
        self.store.remove(namespace, name)
        for key in [key for key in self.containers if key[:2] == (namespace, name)]:
            del self.containers[key]

    def evict(self, namespace, name):
        for container in self.own(namespace, name):
            container.kill(signal.SIGKILL)
        self.tasks[(namespace, name)].cancel()
        self.finish(namespace, name, reason="Evicted",
                    message="The node was low on resource: memory.")

    def drain(self, namespace, name):
        """The eviction that a client asks for: a removal that says why."""
        def mark(found):
            found["status"].setdefault("conditions", []).append({
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting"})
        self.store.change(namespace, name, mark)
        pod = self.store.pods[(namespace, name)]
        self.delete(namespace, name, pod["spec"].get("terminationGracePeriodSeconds", 30))

    def freeze(self, namespace, name):
        """Nothing of it runs any more, and nobody sees that."""
        for container in self.own(namespace, name):
            container.kill(signal.SIGSTOP)

    def out_of_memory(self, namespace, name):
        for container in self.own(namespace, name):
            container.reason = "OOMKilled"
            container.kill(signal.SIGKILL)

    def container(self, namespace, name, own):
        return self.containers.get((namespace, name, own))

    def processes(self):
        return [list(key) for key, c in self.containers.items() if c.is_running]

    def programs(self, namespace, name):
        """What runs in a pod beside its first process and what that does to pass the time."""
        found = []
        for container in self.own(namespace, name):
            try:
                own = os.readlink(f"/proc/{container.inner}/ns/pid")
            except OSError:
                continue
            for number in filter(str.isdigit, os.listdir("/proc")):
                try:
                    if os.readlink(f"/proc/{number}/ns/pid") != own:
                        continue
                    with open(f"/proc/{number}/cmdline", "rb") as file:
                        line = file.read().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue
                if int(number) != container.inner and line and "sleep 86400" not in line:
                    found.append(line)
        return found

    def stop(self):
        for container in self.containers.values():
            container.kill(signal.SIGKILL)
