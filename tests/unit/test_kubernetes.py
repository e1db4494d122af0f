"""deploy/kubernetes: every pod is pinned, watched, limited and without privileges, and no secret is in a manifest."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
COMPOSE = FOLDER.parent / "compose.yaml"
KUSTOMIZATION: dict[str, Any] = YAML(typ="safe").load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
TEXT = "---\n".join((FOLDER / name).read_text(encoding="utf-8") for name in KUSTOMIZATION["resources"])
OBJECTS: list[dict[str, Any]] = [each for each in YAML(typ="safe").load_all(TEXT) if each]
PODS = {each["metadata"]["name"]: each["spec"]["template"] for each in OBJECTS if each["kind"] == "Deployment"}
SECRET = re.compile("PASSWORD|KEY|SECRET|USERNAME|TOKEN")


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in OBJECTS if each["kind"] == kind}


def containers(pod: str) -> list[dict[str, Any]]:
    spec = PODS[pod]["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def test_every_manifest_is_in_the_kustomization() -> None:
    manifests = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert manifests == set(KUSTOMIZATION["resources"])


def test_it_holds_what_the_compose_file_holds_in_the_same_versions() -> None:
    services: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert set(PODS) == set(services) - {"deploy"}
    tags = {image["name"]: f"{image['name']}:{image['newTag']}" for image in KUSTOMIZATION["images"]}
    for name in PODS:
        (*_, container) = containers(name)
        image = tags.get(container["image"], container["image"])
        assert image == services[name]["image"].replace("${RATCHET_IMAGE:-", "").rstrip("}")


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_has_no_privileges(pod: str) -> None:
    spec = PODS[pod]["spec"]
    context = spec["securityContext"]
    assert context["runAsNonRoot"] and context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for container in containers(pod):
        expected = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == expected


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_is_watched_and_limited(pod: str) -> None:
    for container in containers(pod):
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]) and container["resources"]["limits"][
            "memory"
        ]
    (container,) = PODS[pod]["spec"]["containers"]
    assert {"startupProbe", "livenessProbe"} <= set(container)
    assert ("readinessProbe" in container) == (pod in of_kind("Service"))


@pytest.mark.parametrize("pod", PODS)
def test_no_secret_is_in_a_manifest_and_what_is_referred_to_is_in_the_example(pod: str) -> None:
    example = (FOLDER / "secrets.env.example").read_text(encoding="utf-8")
    names = {line.rstrip("=") for line in example.splitlines() if line.endswith("=")}
    for container in containers(pod):
        known = set()
        for variable in container["env"]:
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] == "ratchet" and reference["key"] in names
            else:
                assert not SECRET.search(variable["name"]) and not re.search(r"://[^$@]+@", variable["value"])
            # `$(NAME)` is filled in from the variables above it only.
            assert set(re.findall(r"\$\((\w+)\)", variable.get("value", ""))) <= known
            known.add(variable["name"])


def test_each_service_leads_to_a_port_of_its_pod() -> None:
    for name, service in of_kind("Service").items():
        (port,) = service["ports"]
        assert service["selector"] == {"app.kubernetes.io/name": name} == PODS[name]["metadata"]["labels"]
        (container,) = PODS[name]["spec"]["containers"]
        assert {"name": port["targetPort"], "containerPort": port["port"]} in container["ports"]


def test_nothing_comes_in_but_from_those_that_ask() -> None:
    policies = of_kind("NetworkPolicy")
    assert policies.pop("nothing-comes-in") == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert set(policies) == set(of_kind("Service"))
    for name, policy in policies.items():
        (rule,) = policy["ingress"]
        peers = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule["from"]}
        asking = {pod for pod in PODS if any(f"{name}:" in json.dumps(each["env"]) for each in containers(pod))}
        # Those whose variables name it; MLflow and Argilla are named by the domain's config.
        assert peers == asking - {name} or (name in ("mlflow", "argilla") and peers == {"worker", "watcher"})
        assert [port["port"] for port in rule["ports"]] == [of_kind("Service")[name]["ports"][0]["port"]]


def test_each_volume_and_claim_is_there() -> None:
    claims = set(of_kind("PersistentVolumeClaim"))
    used = set()
    for pod, template in PODS.items():
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        used |= {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v}
        for container in containers(pod):
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
    assert used == claims


def test_the_job_template_fills_each_of_its_places_and_mounts_the_same_volumes() -> None:
    template = json.loads((FOLDER / "work-pool.json").read_text(encoding="utf-8"))
    places = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    pod = template["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    worker = PODS["worker"]["spec"]

    assert places == set(template["variables"]["properties"])
    assert pod["securityContext"] == worker["securityContext"]
    mounts = [mount for mount in worker["containers"][0]["volumeMounts"] if mount["name"] != "temporary"]
    assert pod["containers"][0]["volumeMounts"] == mounts
    assert template["variables"]["properties"]["home_claim"]["default"] in of_kind("PersistentVolumeClaim")
