"""What of a domain runs by itself: names, parameters, events, and what each kind of work pool is told."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tasks.deployments import (
    CONCURRENCY,
    DEFAULT_SCHEDULES,
    EVENTS,
    TIMEZONE,
    Deployment,
    Schedules,
    deployments_of,
    job_variables,
)
from tasks.errors import ConfigError
from tasks.home import Home

FILE = Path(__file__).parents[2] / "deploy" / "prefect.yaml"
CONFIG = Path("/srv/tiny/ratchet.yaml")
HOME = Home(Path("/srv/ratchet"))


def filled(value: Any) -> Any:
    """The file's value with its variables filled in, as Prefect does."""
    variables = {
        "RATCHET_DOMAIN": "tiny",
        "RATCHET_CONFIG": str(CONFIG),
        "RATCHET_DOMAIN_FOLDER": str(CONFIG.parent),
        "RATCHET_HOME": str(HOME.root),
        "RATCHET_POOL": "pool",
        "RATCHET_IMAGE": "image:1",
    }
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each) for each in value]
    for name, text in variables.items():
        value = value.replace(f"{{{{ ${name} }}}}", text) if isinstance(value, str) else value
    return value


def entrypoint(described: Deployment) -> str:
    """The flow by its module, as Prefect is told."""
    return f"flows.{described.flow}.{described.flow}"


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return dict(filled(YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))))


def test_the_file_has_the_deployments_of_the_code(written: dict[str, Any]) -> None:
    for entry, described in zip(written["deployments"], deployments_of("tiny", DEFAULT_SCHEDULES), strict=True):
        assert entry["name"] == described.name
        assert entry["description"] == described.description
        assert entry["entrypoint"] == entrypoint(described)
        assert entry["parameters"] == described.parameters(CONFIG)
        assert entry["concurrency_limit"] == CONCURRENCY
        assert entry["schedules"] == [{"cron": described.schedule, "timezone": TIMEZONE}]
        assert entry.get("triggers", []) == [
            {
                "name": described.trigger_name(event),
                "expect": [event],
                "match": {"prefect.resource.id": described.resource},
            }
            for event in described.events
        ]
        assert entry["work_pool"]["work_queue_name"] == "tiny"


@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_the_file_tells_each_kind_of_pool_what_the_code_tells_it(written: dict[str, Any], kind: str) -> None:
    told = written["definitions"]["work_pools"][kind]
    assert told["job_variables"] == job_variables(kind, HOME, CONFIG, "image:1")


def test_a_round_is_called_for_by_each_event_and_the_others_by_none() -> None:
    improve, collect, monitor = deployments_of("tiny", Schedules())
    assert improve.events == tuple(EVENTS) and collect.events == monitor.events == ()
    assert (improve.schedule, collect.schedule, monitor.schedule) == (None, None, None)
    assert "until" not in improve.parameters(CONFIG)
    assert collect.parameters(CONFIG)["until"] == "collect"
    assert monitor.parameters(CONFIG) == {"config_path": str(CONFIG)}


def test_each_entrypoint_is_the_flow_that_it_names() -> None:
    for described in deployments_of("tiny", Schedules()):
        module, _, name = entrypoint(described).rpartition(".")
        flow = getattr(import_module(module), name)
        assert flow.name == described.flow
        assert set(described.parameters(CONFIG)) <= set(flow.parameters.properties)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Schedules(), DEFAULT_SCHEDULES),
        (Schedules(monitor="1 1 * * *"), Schedules(DEFAULT_SCHEDULES.collect, DEFAULT_SCHEDULES.improve, "1 1 * * *")),
        (Schedules("a", "b", "c"), Schedules("a", "b", "c")),
    ],
)
def test_schedules_that_are_not_given_are_those_of_before(given: Schedules, expected: Schedules) -> None:
    assert given.otherwise(DEFAULT_SCHEDULES) == expected


def test_no_domain_can_have_the_name_of_anothers_deployment() -> None:
    from pydantic import TypeAdapter, ValidationError

    from tasks.settings.section import Name

    _, collect, _ = deployments_of("tiny", Schedules())
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(collect.name)


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_container_without_an_image_is_refused(kind: str) -> None:
    with pytest.raises(ConfigError) as refused:
        job_variables(kind, HOME, CONFIG, None)
    assert refused.value.problems == (
        f"A {kind} work pool needs an image: name it with --image, see deploy/Dockerfile.",
    )


def test_a_kind_of_pool_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ConfigError) as refused:
        job_variables("ecs", HOME, CONFIG, "image:1")
    assert refused.value.problems == (
        "The work pool is of type 'ecs', which Ratchet does not know how to use: take one of type process, docker or "
        "kubernetes.",
    )
