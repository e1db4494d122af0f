"""deploy/compose.yaml: no secret has a default, every service is watched, and nothing is open to the world."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
ARGILLAS = ("argilla", "argilla-worker")
OURS = ("prefect", "mlflow", "worker", "deploy", "watcher")
STORES = ("elasticsearch", "postgres", "redis")
SERVICES = (*OURS, *ARGILLAS, *STORES)
SECRETS = {
    "ARGILLA_USERNAME",
    "ARGILLA_PASSWORD",
    "ARGILLA_API_KEY",
    "ARGILLA_AUTH_SECRET_KEY",
    "POSTGRES_PASSWORD",
    "PREFECT_PASSWORD",
    "ELASTIC_PASSWORD",
    "REDIS_PASSWORD",
}


NEEDED = SECRETS | {"RATCHET_DOMAIN_FOLDER"}
DEFAULTS = {
    "ARGILLA_PORT",
    "ES_JAVA_OPTS",
    "MLFLOW_ALLOWED_HOSTS",
    "MLFLOW_PORT",
    "PREFECT_PORT",
    "PREFECT_PUBLIC_API_URL",
    "RATCHET_IMAGE",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(TEXT)
    return loaded


def test_it_holds_the_whole_system(compose: dict[str, Any]) -> None:
    assert tuple(compose["services"]) == SERVICES


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "deploy"])
def test_each_service_is_pinned_restarted_watched_and_keeps_its_data(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]
    image = settings["image"].replace("${RATCHET_IMAGE:-", "").rstrip("}")
    assert re.search(r":v?\d", image) and settings["restart"] == "unless-stopped"
    assert settings["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    volumes = [volume.partition(":")[0] for volume in settings["volumes"] if not volume.startswith((".", "$"))]
    assert volumes and set(volumes) <= set(compose["volumes"])


def test_what_deploys_ends_and_the_watcher_waits_for_it(compose: dict[str, Any]) -> None:
    assert compose["services"]["deploy"]["restart"] == "on-failure"
    assert compose["services"]["watcher"]["depends_on"] == {"deploy": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("service", OURS)
def test_our_services_have_no_privileges(compose: dict[str, Any], service: str) -> None:
    settings = compose["services"][service]
    assert (settings["cap_drop"], settings["security_opt"]) == (["ALL"], ["no-new-privileges:true"])


def test_the_image_does_not_run_as_root_and_pins_what_it_starts_from() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    (base,) = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert re.search(r":\d+\.\d+\.\d+-", base)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert sum("--constraint" in line for line in lines) == 3


def test_what_is_asked_for_is_the_command_line_that_there_is(compose: dict[str, Any]) -> None:
    import typer

    from flows.cli import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in ("deploy", "watcher"):
        program, command, config, *options = compose["services"][name]["command"]
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert program == "ratchet" and config == "/domain/ratchet.yaml"
        assert {option for option in options if option.startswith("--")} <= known


def test_every_service_reaches_those_that_it_waits_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for settings in services.values():
        assert set(settings["networks"]) <= set(compose["networks"])
        for other in settings.get("depends_on", {}):
            assert set(settings["networks"]) & set(services[other]["networks"])


def test_the_stores_are_reached_by_those_alone_that_keep_something_in_them(compose: dict[str, Any]) -> None:
    inside = {name for name, settings in compose["services"].items() if "postgres" in settings["networks"]}
    assert inside == {"postgres", "prefect", "mlflow", *ARGILLAS}
    assert compose["networks"]["postgres"] == {"internal": True}


def test_a_secret_that_is_not_set_stops_the_start() -> None:
    used = re.findall(r"\$\{(\w+)(:[?-][^}]*)?\}", TEXT)
    assert {name for name, rule in used if rule.startswith(":?")} == NEEDED
    assert {name for name, rule in used if rule.startswith(":-")} == DEFAULTS
    assert all(rule for _, rule in used)


def test_the_example_names_each_secret_and_gives_none() -> None:
    lines = (DEPLOY / "compose.env.example").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == {f"{name}=" for name in NEEDED}


def test_only_the_pages_are_published_and_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: settings["ports"] for name, settings in compose["services"].items() if "ports" in settings}
    assert sorted(published) == ["argilla", "mlflow", "prefect"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_each_database_that_a_service_names_is_made(compose: dict[str, Any]) -> None:
    made = set(re.findall(r"CREATE DATABASE (\w+);", (DEPLOY / "postgres-databases.sql").read_text(encoding="utf-8")))
    named = set(re.findall(r"@postgres:5432/(\w+)", TEXT))
    assert named == made | {compose["services"]["postgres"]["environment"]["POSTGRES_DB"]}


def test_the_server_is_the_version_that_the_embedded_one_has() -> None:
    pins = (Path(__file__).parents[2] / "tasks" / "embedded_argilla" / "server" / "constraints.txt").read_text()
    version = re.search(r"^argilla-server==(.+)$", pins, flags=re.MULTILINE)
    assert version is not None and f"argilla/argilla-server:v{version[1]}" in TEXT
