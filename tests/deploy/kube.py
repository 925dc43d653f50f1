"""Kubernetes manifests against the API's own types, without a cluster.

Kubernetes' client for Python is generated from the API's description: each type's
members, their types, and which must be there. Here a manifest is read with those,
strictly: a member that the type does not have is an error, as `kubectl apply
--validate=strict` would have it from a server.
"""

import re

from kubernetes import client

# (apiVersion, kind) to the type. Debian 12's client knows API version 1.22, in which autoscaling/v2 was still
# called v2beta2; what became of it has the same members.
KINDS = {
    ("v1", "Namespace"): client.V1Namespace,
    ("v1", "ConfigMap"): client.V1ConfigMap,
    ("v1", "Service"): client.V1Service,
    ("apps/v1", "StatefulSet"): client.V1StatefulSet,
    ("apps/v1", "Deployment"): client.V1Deployment,
    ("policy/v1", "PodDisruptionBudget"): client.V1PodDisruptionBudget,
    ("networking.k8s.io/v1", "NetworkPolicy"): client.V1NetworkPolicy,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): getattr(client, "V2HorizontalPodAutoscaler", None)
    or client.V2beta2HorizontalPodAutoscaler,
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


class Wrong(AssertionError):
    pass


def check(document):
    """Raises Wrong, with the path of what is wrong in it."""
    key = (document.get("apiVersion"), document.get("kind"))
    if key not in KINDS:
        raise Wrong(f"{key} is no kind that is looked for")
    _typed(document, KINDS[key].__name__, key[1])


def _typed(value, kind, path):
    whole = re.fullmatch(r"list\[(.+)]", kind)
    if whole:
        _is(value, list, path)
        return [_typed(v, whole[1], f"{path}[{i}]") for i, v in enumerate(value)]
    whole = re.fullmatch(r"dict\(str, (.+)\)", kind)
    if whole:
        _is(value, dict, path)
        return {k: _typed(v, whole[1], f"{path}.{k}") for k, v in value.items()}
    if kind in PLAIN:
        _is(value, PLAIN[kind], path)
        if kind != "bool" and isinstance(value, bool):
            raise Wrong(f"{path}: a truth value")
        return value
    model = getattr(client, kind, None)
    return _object(value, model, path) if model else value  # "object": a number or a text


def _object(value, model, path):
    _is(value, dict, path)
    members = {name: attribute for attribute, name in model.attribute_map.items()}
    for name in value:
        if name not in members:
            raise Wrong(f"{path}: {model.__name__} has no '{name}'")
    made = {members[n]: _typed(v, model.openapi_types[members[n]], f"{path}.{n}") for n, v in value.items()}
    try:
        return model(**made)
    except ValueError as e:  # a member that must be there, or a value that is none of those allowed
        raise Wrong(f"{path}: {e}") from None


def _is(value, kind, path):
    if not isinstance(value, kind):
        raise Wrong(f"{path}: {value!r} is not a {getattr(kind, '__name__', kind)}")


# ── What a server would say at its admission, and a person at review ────────

def pod_of(document):
    return document["spec"].get("template", {}) if document["kind"] in ("Deployment", "StatefulSet") else {}


def containers_of(document):
    spec = pod_of(document).get("spec", {})
    return spec.get("initContainers", []) + spec.get("containers", [])


def unrestricted(document):
    """What of the pod security standard 'restricted' the pods of a document do not keep to."""
    found = []
    pod = pod_of(document).get("spec", {})
    context = pod.get("securityContext", {})
    for member in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(member):
            found.append(member)
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) == 0:
        found.append("runs as root")
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        found.append("seccompProfile")
    safe = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
            "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"}
    found += [s["name"] for s in context.get("sysctls", []) if s["name"] not in safe]
    kinds = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    found += [f"volume {v['name']}" for v in pod.get("volumes", []) if not (set(v) - {"name"}) <= kinds]
    for c in containers_of(document):
        own = c.get("securityContext", {})
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            found.append(f"{c['name']}: privileges")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            found.append(f"{c['name']}: capabilities")
    return found
