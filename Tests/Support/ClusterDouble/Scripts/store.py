"""The objects, their versions, and who watches them."""

import asyncio
import copy
import datetime
import uuid


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def fits(labels, selector):
    for part in filter(None, (x.strip() for x in selector.split(","))):
        if "!=" in part:
            key, value = part.split("!=", 1)
            if labels.get(key) == value:
                return False
        elif "=" in part:
            key, value = part.replace("==", "=").split("=", 1)
            if labels.get(key) != value:
                return False
        elif part.startswith("!"):
            if part[1:] in labels:
                return False
        elif part not in labels:
            return False
    return True


class Store:
    def __init__(self):
        self.version = 1000
        self.floor = 0
        self.pods = {}
        self.history = []
        self.news = asyncio.Condition()

    def note(self, kind, pod):
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((self.version, kind, copy.deepcopy(pod)))
        asyncio.ensure_future(self.wake())

    async def wake(self):
        async with self.news:
            self.news.notify_all()

    def add(self, pod):
        metadata = pod["metadata"]
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = now()
        self.pods[(metadata["namespace"], metadata["name"])] = pod
        self.note("ADDED", pod)

    def change(self, namespace, name, body):
        pod = self.pods.get((namespace, name))
        if pod is None:
            return
        changed = copy.deepcopy(pod)
        body(changed)
        self.pods[(namespace, name)] = changed
        self.note("MODIFIED", changed)

    def remove(self, namespace, name):
        pod = self.pods.pop((namespace, name), None)
        if pod is not None:
            self.note("DELETED", pod)

    def compact(self):
        self.floor = self.version
        self.history = []

    def list(self, namespace, request):
        found = [
            pod for (where, name), pod in sorted(self.pods.items())
            if where == namespace
            and fits(pod["metadata"].get("labels") or {}, request.one("labelSelector"))
            and request.one("fieldSelector") in ("", f"metadata.name={name}")
        ]
        start = int(request.one("continue", "0") or 0)
        limit = int(request.one("limit", "0") or 0) or len(found)
        metadata = {"resourceVersion": str(self.version)}
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        return {
            "kind": "PodList", "apiVersion": "v1", "metadata": metadata,
            "items": found[start:start + limit],
        }

    async def events(self, namespace, version):
        if version in ("", "0"):
            for (where, _), pod in list(self.pods.items()):
                if where == namespace:
                    yield "ADDED", pod
            seen = self.version
        else:
            seen = int(version)
        while True:
            if seen < self.floor:
                yield "ERROR", None
                return
            for number, kind, pod in list(self.history):
                if number > seen:
                    seen = number
                    if pod["metadata"]["namespace"] == namespace:
                        yield kind, pod
            async with self.news:
                if self.version <= seen:
                    try:
                        await asyncio.wait_for(self.news.wait(), 0.2)
                    except asyncio.TimeoutError:
                        pass
            yield "TICK", None
