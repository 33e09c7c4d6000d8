"""What an API server refuses: malformed objects, and what Pod Security "restricted" forbids."""

import re

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
PREFIX = NAME
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}


def is_key(key):
    prefix, slash, name = key.rpartition("/")
    if slash and (not PREFIX.fullmatch(prefix) or len(prefix) > 253):
        return False
    return bool(name) and len(name) <= 63 and bool(LABEL.fullmatch(name))


def problems(pod):
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    if not NAME.fullmatch(metadata["name"]) or len(metadata["name"]) > 253:
        yield f'metadata.name: Invalid value: "{metadata["name"]}"'
    for key, value in (metadata.get("labels") or {}).items():
        if not is_key(key):
            yield f'metadata.labels: Invalid value: "{key}"'
        if not isinstance(value, str) or len(value) > 63 or not LABEL.fullmatch(value):
            yield f'metadata.labels: Invalid value: "{value}"'
    for key, value in (metadata.get("annotations") or {}).items():
        if not is_key(key.lower()) or not isinstance(value, str):
            yield f'metadata.annotations: Invalid value: "{key}"'
    if not spec.get("containers"):
        yield "spec.containers: Required value"
    seen = set()
    for container in containers(spec):
        if not NAME.fullmatch(container.get("name", "")):
            yield "spec.containers[0].name: Invalid value"
        if container["name"] in seen:
            yield f'spec.containers[1].name: Duplicate value: "{container["name"]}"'
        seen.add(container["name"])
        if not container.get("image"):
            yield "spec.containers[0].image: Required value"
        volumes = {volume["name"] for volume in spec.get("volumes") or []}
        for mount in container.get("volumeMounts") or []:
            if mount["name"] not in volumes:
                yield f'spec.containers[0].volumeMounts[0].name: Not found: "{mount["name"]}"'
        for entry in container.get("env") or []:
            if not entry.get("name") or "=" in entry["name"]:
                yield f'spec.containers[0].env[0].name: Invalid value: "{entry.get("name")}"'
    if spec.get("restartPolicy", "Always") not in ("Always", "Never", "OnFailure"):
        yield "spec.restartPolicy: Unsupported value"


def containers(spec):
    return (spec.get("initContainers") or []) + (spec.get("containers") or [])


def restricted(spec):
    """The words of the admission plugin, one for each control that is not kept to."""
    found = []
    pod = spec.get("securityContext") or {}
    if any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        found.append("host namespaces")
    for volume in spec.get("volumes") or []:
        if not set(volume) - {"name"} <= VOLUMES:
            found.append(f'restricted volume types (volume "{volume["name"]}")')
    for container in containers(spec):
        name, own = container["name"], container.get("securityContext") or {}
        capabilities = own.get("capabilities") or {}
        if own.get("privileged"):
            found.append(f'privileged (container "{name}")')
        if own.get("allowPrivilegeEscalation") is not False:
            found.append(f'allowPrivilegeEscalation != false (container "{name}")')
        if "ALL" not in (capabilities.get("drop") or []) or \
                set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
            found.append(f'unrestricted capabilities (container "{name}")')
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
            found.append(f'runAsNonRoot != true (container "{name}")')
        if own.get("runAsUser", pod.get("runAsUser")) == 0:
            found.append(f'runAsUser=0 (container "{name}")')
        profile = own.get("seccompProfile") or pod.get("seccompProfile") or {}
        if profile.get("type") not in ("RuntimeDefault", "Localhost"):
            found.append(f'seccompProfile (container "{name}")')
        if any(port.get("hostPort") for port in container.get("ports") or []):
            found.append(f'hostPort (container "{name}")')
    return found
