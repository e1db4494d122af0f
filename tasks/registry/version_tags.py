"""What Ratchet writes on a version, as MLflow tags, and how it is read back. Pure.

ratchet.record             base and adapter as JSON: all of a ModelVersion but its name and number
ratchet.base, .base_sha256, .adapter_sha256, .snapshot_sha256, .dpo_reference, .round, .git_commit
                           single fields of it, for people and for MLflow's search
ratchet.previous_champion  the version it took over from when it was promoted
ratchet.champion_line      that one and those before it, nearest first: the way back for rollbacks
ratchet.first_champion_at  when it became the champion for the first time; without it, it never was
ratchet.rolled_back        when, to which version, by whom and why it was rolled back
ratchet.approval           what a person said of it, when and why, where promotions are approved
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from tasks.errors import RatchetError
from tasks.files import canonical_json
from tasks.records import Adapter, Approval, BaseModelRef, ModelVersion

RECORD = "ratchet.record"
ADAPTER_SHA256 = "ratchet.adapter_sha256"
ROUND = "ratchet.round"
PREVIOUS_CHAMPION = "ratchet.previous_champion"
CHAMPION_LINE = "ratchet.champion_line"
FIRST_CHAMPION_AT = "ratchet.first_champion_at"
ROLLED_BACK = "ratchet.rolled_back"
APPROVAL = "ratchet.approval"


def write_record(base: BaseModelRef, adapter: Adapter | None, git_commit: str | None) -> dict[str, str]:
    """The tags a version is registered with; `git_commit` is that of the config's folder, if it has one."""
    record = {"base": base.model_dump(), "adapter": None if adapter is None else adapter.model_dump()}
    tags = {
        RECORD: canonical_json(record),
        "ratchet.base": base.id,
        "ratchet.base_sha256": base.sha256,
        "ratchet.git_commit": git_commit or "none",
    }
    if adapter is not None:
        tags |= {
            ADAPTER_SHA256: adapter.sha256,
            "ratchet.snapshot_sha256": adapter.snapshot_sha256,
            "ratchet.dpo_reference": adapter.dpo_reference,
            ROUND: str(adapter.round),
        }
    return tags


def read_record(name: str, version: int, tags: Mapping[str, str]) -> ModelVersion:
    """The version that `write_record` wrote the tags of.

    Raises:
        RatchetError: when the tags are not Ratchet's.
    """
    try:
        return ModelVersion.model_validate({"name": name, "version": version, **json.loads(tags[RECORD])})
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise RatchetError(
            f"Version {version} of {name!r} was not registered by Ratchet (its tag {RECORD} is missing or altered): "
            "delete it in MLflow, or give the config another name."
        ) from error


def holds(tags: Mapping[str, str], adapter: Adapter) -> bool:
    """Whether the tags are those of this adapter in this round."""
    return (tags.get(ADAPTER_SHA256), tags.get(ROUND)) == (adapter.sha256, str(adapter.round))


def write_line(line: Sequence[int]) -> dict[str, str]:
    """The tags for a champion's predecessors, nearest first; the line comes before what is derived from it."""
    return {
        CHAMPION_LINE: ",".join(map(str, line)),
        PREVIOUS_CHAMPION: str(line[0]) if line else "none",
    }


def read_line(tags: Mapping[str, str]) -> list[int]:
    """A champion's predecessors, nearest first; empty for the first champion."""
    return [int(number) for number in tags.get(CHAMPION_LINE, "").split(",") if number]


def describe_approval(approval: Approval) -> str:
    """What a person said of a version, in one line: `2026-11-23T07:00:00+00:00 rejected by ann: too wordy`."""
    return describe_event("approved" if approval.approved else "rejected", approval.at, approval.by, approval.reason)


def is_rejection(event: str) -> bool:
    """Whether `describe_approval` wrote the line of a rejection."""
    return event.split(" ")[1:2] == ["rejected"]


def describe_event(what: str, at: datetime, by: str, reason: str) -> str:
    """What a person did to a version, in one line: `2026-11-23T07:00:00+00:00 to 1 by ann: too wordy`."""
    who = f" by {by}" if by else ""
    why = f": {' '.join(reason.split())}" if reason.strip() else ""
    return f"{at.isoformat(timespec='seconds')} {what}{who}{why}"
