"""deploy/compose.yaml: no secret has a default, every service is watched, and nothing is open to the world."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
SERVICES = ("argilla", "worker", "elasticsearch", "postgres", "redis")
SECRETS = {
    "ARGILLA_USERNAME",
    "ARGILLA_PASSWORD",
    "ARGILLA_API_KEY",
    "ARGILLA_AUTH_SECRET_KEY",
    "POSTGRES_PASSWORD",
    "ELASTIC_PASSWORD",
    "REDIS_PASSWORD",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(TEXT)
    return loaded


def test_it_holds_argilla_its_worker_and_the_three_stores(compose: dict[str, Any]) -> None:
    assert tuple(compose["services"]) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_is_pinned_restarted_watched_and_keeps_its_data(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]
    assert re.search(r":v?\d", settings["image"]) and settings["restart"] == "unless-stopped"
    assert settings["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    volumes = [volume.partition(":")[0] for volume in settings["volumes"]]
    assert volumes and set(volumes) <= set(compose["volumes"])


def test_a_secret_that_is_not_set_stops_the_start() -> None:
    used = re.findall(r"\$\{(\w+)(:[?-][^}]*)?\}", TEXT)
    assert {name for name, rule in used if rule.startswith(":?")} == SECRETS
    assert {name for name, rule in used if rule.startswith(":-")} == {"ARGILLA_PORT", "ES_JAVA_OPTS"}
    assert all(rule for _, rule in used)


def test_the_example_names_each_secret_and_gives_none() -> None:
    lines = (DEPLOY / "compose.env.example").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == {f"{name}=" for name in SECRETS}


def test_only_the_labelling_page_is_published_and_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: settings["ports"] for name, settings in compose["services"].items() if "ports" in settings}
    assert list(published) == ["argilla"]
    assert all(port.startswith("127.0.0.1:") for port in published["argilla"])


def test_the_server_is_the_version_that_the_embedded_one_has() -> None:
    pins = (Path(__file__).parents[2] / "tasks" / "embedded_argilla" / "server" / "constraints.txt").read_text()
    version = re.search(r"^argilla-server==(.+)$", pins, flags=re.MULTILINE)
    assert version is not None and f"argilla/argilla-server:v{version[1]}" in TEXT
