"""What of a domain runs by itself: its deployments, their schedules and events, as in deploy/prefect.yaml.

    improve/<domain>          rounds, from collect to promote: by schedule, and on each of the events
    improve/<domain>.collect  the current round up to collect, so that people and judges have something to answer
    monitor/<domain>          a look at production, by schedule

A domain's rounds share one home, in which one may run at a time: each deployment has a concurrency limit of 1, and so
has the work queue, named after the domain, that all are in when a work pool runs them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.errors import ConfigError
from tasks.home import Home

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

Kind = Literal["improve", "collect", "monitor"]


@dataclass(frozen=True)
class Schedules:
    """When the deployments run, as cron expressions in UTC; None: as it is set at the server, at first never."""

    collect: str | None = None
    improve: str | None = None
    monitor: str | None = None

    def otherwise(self, others: "Schedules") -> "Schedules":
        """These, and those of the others where there is none."""
        return Schedules(self.collect or others.collect, self.improve or others.improve, self.monitor or others.monitor)


# Each night; on Sundays an hour later; each morning, before people come.
DEFAULT_SCHEDULES = Schedules(collect="0 2 * * *", improve="0 3 * * 0", monitor="0 6 * * *")


@dataclass(frozen=True)
class Deployment:
    """A deployment of the flow `improve` or `monitor`.

    Attributes:
        kind: which of a domain's deployments it is.
        name: what Prefect shows behind the flow's name and a slash.
        schedule: a cron expression in UTC; None: none of its own.
        events: the names of the events, about this domain, that start a run.
        resource: the id of the resource that those events are about.
    """

    kind: Kind
    name: str
    description: str
    schedule: str | None
    events: tuple[str, ...]
    resource: str

    @property
    def flow(self) -> Literal["improve", "monitor"]:
        """The name of the flow that its runs are of."""
        return "monitor" if self.kind == "monitor" else "improve"

    def parameters(self, config_path: Path) -> dict[str, str]:
        """What the flow is called with."""
        until = {"until": "collect"} if self.kind == "collect" else {}
        return {"config_path": str(config_path.resolve()), **until}

    def trigger_name(self, event: str) -> str:
        """What Prefect calls the automation that the event sets off."""
        return f"{self.flow}/{self.name}: {EVENTS[event]}"


def domain_resource(domain: str) -> str:
    """The id of the resource that a domain's events are about."""
    return f"ratchet.domain.{domain}"


def deployments_of(domain: str, schedules: Schedules) -> tuple[Deployment, ...]:
    """All of a domain's deployments: improve, collect, monitor."""
    resource = domain_resource(domain)
    return (
        Deployment(
            kind="improve",
            name=domain,
            description=f"Rounds of {domain}: by schedule, and when labels, drift or documents call for one.",
            schedule=schedules.improve,
            events=tuple(EVENTS),
            resource=resource,
        ),
        Deployment(
            kind="collect",
            name=f"{domain}.collect",  # no domain has a full stop in its name
            description=f"The current round of {domain} up to collect, by schedule.",
            schedule=schedules.collect,
            events=(),
            resource=resource,
        ),
        Deployment(
            kind="monitor",
            name=domain,
            description=f"A look at production of {domain}, by schedule.",
            schedule=schedules.monitor,
            events=(),
            resource=resource,
        ),
    )


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
