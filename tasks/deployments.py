"""What of a domain runs by itself: its deployments, their schedules and events, as in deploy/prefect.yaml.

    improve/<domain>          rounds, from collect to promote: by schedule, and on each of the events
    improve/<domain>.collect  the current round up to collect, so that people and judges have something to answer

A domain's rounds share one home, in which one may run at a time: each deployment has a concurrency limit of 1, and so
has the work queue, named after the domain, that both are in when a work pool runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import ConfigError
from tasks.home import Home
from tasks.records import Stage

FLOW = "flows.improve.improve"  # by module: Prefect looks for a path in the folder that the run starts in
CONCURRENCY = 1

LABELS_READY = "ratchet.labels.ready"  # `human_feedback.round_after` labels are new
DRIFT_FOUND = "ratchet.drift.found"  # production's questions are no longer those that the model was made for
DOCUMENTS_CHANGED = "ratchet.documents.changed"  # the documents are not those of the last finished round
EVENTS = {
    LABELS_READY: "labels are ready",
    DRIFT_FOUND: "drift was found",
    DOCUMENTS_CHANGED: "documents have changed",
}
TIMEZONE = "UTC"


@dataclass(frozen=True)
class Schedules:
    """When the deployments run, as cron expressions in UTC; None: as it is set at the server, at first never."""

    collect: str | None = None
    improve: str | None = None


DEFAULT_SCHEDULES = Schedules(collect="0 2 * * *", improve="0 3 * * 0")  # each night; on Sundays an hour later


@dataclass(frozen=True)
class Deployment:
    """A deployment of the flow `improve`.

    Attributes:
        name: what Prefect shows behind `improve/`.
        until: the stage after which its runs stop.
        schedule: a cron expression in UTC; None: none of its own.
        events: the names of the events, about this domain, that start a run.
        resource: the id of the resource that those events are about.
    """

    name: str
    description: str
    until: Stage
    schedule: str | None
    events: tuple[str, ...]
    resource: str

    def parameters(self, config_path: Path) -> dict[str, str]:
        """What the flow is called with."""
        until = {} if self.until == "promote" else {"until": self.until}
        return {"config_path": str(config_path.resolve()), **until}

    def trigger_name(self, event: str) -> str:
        """What Prefect calls the automation that the event sets off."""
        return f"improve/{self.name}: {EVENTS[event]}"


def domain_resource(domain: str) -> str:
    """The id of the resource that a domain's events are about."""
    return f"ratchet.domain.{domain}"


def improve_deployment(domain: str, schedules: Schedules) -> Deployment:
    """The deployment whose runs are whole rounds."""
    return Deployment(
        name=domain,
        description=f"Rounds of {domain}: by schedule, and when labels, drift or documents call for one.",
        until="promote",
        schedule=schedules.improve,
        events=tuple(EVENTS),
        resource=domain_resource(domain),
    )


def collect_deployment(domain: str, schedules: Schedules) -> Deployment:
    """The deployment whose runs end with candidates that judges have compared and people are asked about."""
    return Deployment(
        name=f"{domain}.collect",  # no domain has a full stop in its name
        description=f"The current round of {domain} up to collect, by schedule.",
        until="collect",
        schedule=schedules.collect,
        events=(),
        resource=domain_resource(domain),
    )


def deployments_of(domain: str, schedules: Schedules) -> tuple[Deployment, Deployment]:
    """All of a domain's deployments: improve, collect."""
    return improve_deployment(domain, schedules), collect_deployment(domain, schedules)


def job_variables(pool_type: str, home: Home, config_path: Path, image: str | None) -> Mapping[str, Any]:
    """What a work pool of this type (`process`, `docker`, `kubernetes`) is told of the runs' surroundings.

    Home and config have the same paths in a container as here. A Docker pool mounts them; a Kubernetes pool has a
    volume in its job template (deploy/kubernetes/work-pool.json).

    Raises:
        ConfigError: when the pool's runs need an image and none is named, or the type is another.
    """
    variables: dict[str, Any] = {"env": {"RATCHET_HOME": str(home.root)}}
    if pool_type == "process":
        return variables
    if pool_type not in ("docker", "kubernetes"):
        raise ConfigError(
            f"The work pool is of type {pool_type!r}, which Ratchet does not know how to use: take one of type "
            "process, docker or kubernetes."
        )
    if image is None:
        raise ConfigError(f"A {pool_type} work pool needs an image: name it with --image, see deploy/Dockerfile.")
    variables["image"] = image
    if pool_type == "docker":
        folder = config_path.resolve().parent
        variables["volumes"] = [f"{home.root}:{home.root}", f"{folder}:{folder}:ro"]
    return variables
