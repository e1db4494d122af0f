"""deploy/prefect.yaml and `ratchet deploy` on a real Prefect server: both say the same, and a worker can run it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from e2e.watching import TIMEOUT_S, PrefectServer, watch_environment

DEPLOY = Path(__file__).parents[2] / "deploy"
POOLS = ("process", "docker", "kubernetes")
IMAGE = "ratchet-llm:0.1.0"
# What both ways of deploying must agree in.
COMPARED = ("description", "entrypoint", "parameters", "paused", "work_pool_name", "work_queue_name", "job_variables")


@dataclass
class Story:
    """What the server held, in the order of the fields."""

    ratchet: Any = None
    by_file: dict[str, Any] = field(default_factory=dict)
    by_command: dict[str, Any] = field(default_factory=dict)
    queue_limit: int | None = None
    in_containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    said: str = ""


@pytest.fixture(scope="module")
def story(
    make_ratchet: Callable[..., Any], prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    told, server = Story(make_ratchet()), prefect_server
    config, folder = told.ratchet.config, tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: str, expected: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", *arguments],
            env={**watch_environment(told.ratchet.home, server.url), **_variables(told.ratchet)},
            cwd=folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout if expected == 0 else done.stderr

    template = json.loads((DEPLOY / "kubernetes" / "work-pool.json").read_text(encoding="utf-8"))
    for kind in POOLS:
        server.post("/work_pools/", name=kind, type=kind, base_job_template=template if kind == "kubernetes" else {})
    run("prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(DEPLOY / "prefect.yaml"))
    told.by_file = _held(server)
    run("flows.cli", "deploy", str(config), "--pool", "process")
    told.by_command = _held(server)
    (queue,) = server.post("/work_pools/process/queues/filter", work_queues={"name": {"any_": ["tiny"]}})
    told.queue_limit = queue["concurrency_limit"]
    told.refusals["no pool"] = run("flows.cli", "deploy", str(config), "--pool", "gpu", expected=1)
    told.refusals["no image"] = run("flows.cli", "deploy", str(config), "--pool", "docker", expected=1)

    collect = told.by_command["improve/tiny.collect"]["id"]
    started = server.post(f"/deployments/{collect}/create_flow_run")
    told.said = run("prefect", "worker", "start", "--pool", "process", "--type", "process", "--run-once")
    told.run = server.get(f"/flow_runs/{started['id']}")

    for kind in ("docker", "kubernetes"):
        run("flows.cli", "deploy", str(config), "--pool", kind, "--image", IMAGE)
        told.in_containers[kind] = _held(server)["improve/tiny"]["job_variables"]
    return told


def _variables(ratchet: Any) -> dict[str, str]:
    return {
        "RATCHET_DOMAIN": "tiny",
        "RATCHET_CONFIG": str(ratchet.config.resolve()),
        "RATCHET_DOMAIN_FOLDER": str(ratchet.config.resolve().parent),
        "RATCHET_HOME": str(ratchet.home),
        "RATCHET_POOL": "process",
        "RATCHET_IMAGE": IMAGE,
        "OMP_NUM_THREADS": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def _held(server: PrefectServer) -> dict[str, Any]:
    """What the server holds of each deployment, as far as it has to be the same, and its id."""
    automations = server.post("/automations/filter")
    held: dict[str, Any] = {}
    for deployment in server.post("/deployments/filter"):
        triggers = [each for each in automations if each["actions"][0]["deployment_id"] == deployment["id"]]
        flow = server.get(f"/flows/{deployment['flow_id']}")["name"]
        held[f"{flow}/{deployment['name']}"] = {
            **{name: deployment[name] for name in COMPARED},
            "id": deployment["id"],
            "limit": deployment["global_concurrency_limit"]["limit"],
            "schedules": [(each["schedule"]["cron"], each["schedule"]["timezone"]) for each in deployment["schedules"]],
            "triggers": sorted(
                (each["name"], each["trigger"]["expect"], each["trigger"]["match"]) for each in triggers
            ),
        }
    return held


def test_the_file_and_the_command_put_the_same_on_the_server(story: Story) -> None:
    assert sorted(story.by_file) == ["improve/tiny", "improve/tiny.collect", "monitor/tiny"]
    assert story.by_command == story.by_file


def test_rounds_collect_and_monitor_are_scheduled_and_rounds_have_three_triggers(story: Story) -> None:
    improve, collect, monitor = (story.by_command[name] for name in sorted(story.by_command))

    assert improve["schedules"] == [("0 3 * * 0", "UTC")]
    assert collect["schedules"] == [("0 2 * * *", "UTC")]
    assert monitor["schedules"] == [("0 6 * * *", "UTC")]
    assert [expect for _, expect, _ in improve["triggers"]] == [
        ["ratchet.documents.changed"],
        ["ratchet.drift.found"],
        ["ratchet.labels.ready"],
    ]
    assert {match["prefect.resource.id"] for _, _, match in improve["triggers"]} == {"ratchet.domain.tiny"}
    assert collect["triggers"] == monitor["triggers"] == []
    assert collect["parameters"]["until"] == "collect"


def test_a_domain_has_one_run_at_a_time_in_its_queue(story: Story) -> None:
    assert story.queue_limit == 1
    assert {each["work_queue_name"] for each in story.by_command.values()} == {"tiny"}
    assert {each["limit"] for each in story.by_command.values()} == {1}


def test_a_process_worker_runs_collect_up_to_collect(story: Story) -> None:
    assert story.run["state_type"] == "COMPLETED", story.said
    assert story.ratchet.record("collect")["round"] == 1
    assert not (story.ratchet.round_folder / "curate.json").exists()


def test_containers_get_their_image_and_home(story: Story) -> None:
    docker, kubernetes = story.in_containers["docker"], story.in_containers["kubernetes"]
    home, folder = str(story.ratchet.home), str(story.ratchet.config.resolve().parent)

    assert docker == {
        "env": {"RATCHET_HOME": home},
        "image": IMAGE,
        "volumes": [f"{home}:{home}", f"{folder}:{folder}:ro"],
    }
    assert kubernetes == {"env": {"RATCHET_HOME": home}, "image": IMAGE}


def test_what_is_missing_is_named_with_the_remedy(story: Story) -> None:
    assert story.refusals["no pool"] == (
        "error: There is no work pool 'gpu': make one with `prefect work-pool create gpu --type process`, or docker, "
        "or kubernetes.\n"
    )
    assert story.refusals["no image"] == (
        "error: A docker work pool needs an image: name it with --image, see deploy/Dockerfile.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--schedule", "every sunday"),
            "'every sunday' is no schedule: give a cron expression of five fields in UTC, such as '0 3 * * 0' for "
            "Sundays at three.",
        ),
        (
            ("--image", IMAGE),
            "--image says what a work pool's containers run, and no pool is named: add --pool.",
        ),
        (
            (),
            "There is no Prefect server to deploy to: `ratchet up` starts one that stays, or set PREFECT_API_URL to "
            "yours, such as http://127.0.0.1:4200/api.",
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_in_one_sentence(
    ratchet: Any, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = ratchet.run("deploy", str(ratchet.config), *arguments, "--json")

    assert (refused.returncode, json.loads(refused.stdout)) == (1, {"errors": [sentence]})
    assert refused.stderr == f"error: {sentence}{os.linesep}"
