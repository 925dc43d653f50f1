"""The Kubernetes manifests: against the API's types, against each other, and against the programs."""

import copy
import re
import subprocess

import pytest
import yaml

from harness.programs import BIN, ROOT, environment

pytest.importorskip("kubernetes", reason="python3-kubernetes is not installed (make deps-deploy)")
import kube  # noqa: E402

FOLDER = ROOT / "deploy/k8s"
# What the operator makes, because it is secret: see README.md there.
SECRETS = {("vedette-server-key", "server.key"), ("vedette-worker-token", "token")}


def read(name):
    return [d for d in yaml.safe_load_all((FOLDER / name).read_text()) if d]


def everything():
    (kustomization,) = read("kustomization.yaml")
    return [d for file in kustomization["resources"] for d in read(file)]


def name_of(d):
    return f"{d['kind']}/{d['metadata']['name']}"


DOCUMENTS = everything()
WITH_PODS = [d for d in DOCUMENTS if kube.pod_of(d)]
each = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
each_with_pods = pytest.mark.parametrize("document", WITH_PODS, ids=name_of)


def of_kind(kind):
    return [d for d in DOCUMENTS if d["kind"] == kind]


def settings():
    """Names that the programs know."""
    said = subprocess.run([BIN / "vedette-collector", "--settings"], capture_output=True, text=True, timeout=20, check=True).stdout
    return {line.split()[0].rstrip(":") for line in said.splitlines() if re.match(r"[a-z]+(\.[a-z_]+)?\b", line)}


def pods_with(labels):
    return [d for d in WITH_PODS if labels.items() <= kube.pod_of(d)["metadata"]["labels"].items()]


def ports_of(d):
    return {p["name"]: p["containerPort"] for c in kube.containers_of(d) for p in c.get("ports", [])}


@each
def test_it_is_what_the_api_takes(document):
    kube.check(document)


def test_every_file_is_in_the_list():
    (kustomization,) = read("kustomization.yaml")
    files = {f.name for f in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "prometheus-adapter.yaml"}
    assert files == set(kustomization["resources"])


@pytest.mark.parametrize("harm, complaint", [
    (lambda d: d["spec"].update(replica=1), "has no 'replica'"),
    (lambda d: d["spec"].pop("selector"), "selector"),
    (lambda d: d["spec"]["template"]["spec"]["containers"][0].update(command="vedette-worker"), "is not a list"),
    (lambda d: d["spec"]["template"]["spec"]["containers"][0].pop("name"), "name"),
    (lambda d: d.update(apiVersion="apps/v1beta1"), "no kind"),
])
def test_mistakes_would_be_found(harm, complaint):
    document = copy.deepcopy(of_kind("Deployment")[0])
    harm(document)
    with pytest.raises(kube.Wrong, match=complaint):
        kube.check(document)


@each_with_pods
def test_pods_ask_for_no_rights(document):
    assert kube.unrestricted(document) == []
    (namespace,) = of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_with_pods
def test_services_do_not_become_settings(document):
    """Kubernetes would tell of Service vedette-control in VEDETTE_CONTROL_PORT, which no program knows."""
    assert kube.pod_of(document)["spec"]["enableServiceLinks"] is False


@each_with_pods
def test_selectors_find_their_pods(document):
    assert pods_with(document["spec"]["selector"]["matchLabels"]) == [document]


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_others_find_pods_too(kind):
    for d in of_kind(kind):
        wanted = d["spec"].get("podSelector", d["spec"].get("selector"))
        assert len(pods_with(wanted.get("matchLabels", wanted))) == 1, name_of(d)


def test_ports_of_services_are_ports_of_pods():
    for d in of_kind("Service"):
        (pod,) = pods_with(d["spec"]["selector"])
        for p in d["spec"]["ports"]:
            assert ports_of(pod)[p["targetPort"]] == p["port"], p


def test_ports_in_policies_are_ports_of_pods():
    for d in of_kind("NetworkPolicy"):
        (pod,) = pods_with(d["spec"]["podSelector"]["matchLabels"])
        for rule in d["spec"]["ingress"]:
            assert {p["port"] for p in rule["ports"]} <= set(ports_of(pod)), name_of(d)
        for rule in d["spec"].get("egress", []):
            for to in rule["to"]:
                if "podSelector" in to:
                    (other,) = pods_with(to["podSelector"]["matchLabels"])
                    assert {p["port"] for p in rule["ports"]} <= set(ports_of(other).values()), name_of(d)


@each_with_pods
def test_what_is_mounted_is_there(document):
    spec = kube.pod_of(document)["spec"]
    volumes = {v["name"] for v in spec["volumes"]} | {
        c["metadata"]["name"] for c in document["spec"].get("volumeClaimTemplates", [])}
    maps = {d["metadata"]["name"] for d in of_kind("ConfigMap")}
    secrets = {name for name, _ in SECRETS}
    for c in kube.containers_of(document):
        assert {m["name"] for m in c["volumeMounts"]} <= volumes, c["name"]
        for e in c.get("env", []):
            ref = e.get("valueFrom", {}).get("secretKeyRef")
            assert not ref or (ref["name"], ref["key"]) in SECRETS, e
    for v in spec["volumes"]:
        assert v.get("configMap", {"name": None})["name"] in maps | {None}
        assert v.get("secret", {"secretName": None})["secretName"] in secrets | {None}


@each_with_pods
def test_probes_ask_at_ports_that_the_container_has(document):
    for c in kube.pod_of(document)["spec"]["containers"]:
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = c[kind]["httpGet"]
            assert probe["port"] in {p["name"] for p in c["ports"]} and probe["path"] in ("/-/healthy", "/-/ready")


def test_the_autoscaler_scales_what_is_there():
    (scaler,) = of_kind("HorizontalPodAutoscaler")
    ref = scaler["spec"]["scaleTargetRef"]
    (target,) = [d for d in of_kind(ref["kind"]) if d["metadata"]["name"] == ref["name"]]
    assert "replicas" not in target["spec"], "kubectl apply would undo what the autoscaler did"
    adapter = {r["name"]["as"] for r in read("prometheus-adapter.yaml")[0]["rules"]["external"]}
    assert {m["external"]["metric"]["name"] for m in scaler["spec"]["metrics"]} == adapter


def test_the_adapter_asks_for_series_that_there_are():
    """The names stand in the coordinator's table."""
    known = (ROOT / "coordinator/coordinator_metrics.c").read_text()
    for rule in read("prometheus-adapter.yaml")[0]["rules"]["external"]:
        for series in re.findall(r"vedette_coordinator_(\w+)", f"{rule['seriesQuery']} {rule['metricsQuery']}"):
            assert f'NAME("{series}")' in known, series


@pytest.mark.parametrize("file, programs", [
    ("vedette.yaml", ("vedette-coordinator", "vedette-collector", "vedette-worker")),
    ("worker.yaml", ("vedette-worker",)),
])
def test_programs_take_the_settings(file, programs, tmp_path):
    (map_,) = of_kind("ConfigMap")
    (tmp_path / file).write_text(map_["data"][file])
    for name in programs:
        said = subprocess.run([BIN / name, "--config", tmp_path / file, "--set", "worker.slots=none"],
                              capture_output=True, text=True, timeout=20, env=environment())
        assert said.returncode == 1 and "worker.slots" in said.stderr and file not in said.stderr, said.stderr


def test_variables_are_settings():
    known = {"VEDETTE_CONFIG"} | {"VEDETTE_" + s.upper().replace(".", "_") for s in settings()}
    for d in WITH_PODS:
        for c in kube.containers_of(d):
            assert {e["name"] for e in c.get("env", [])} <= known, c["name"]
