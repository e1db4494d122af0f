"""The ledger of rounds: what each stage returned, kept so that no stage that ran is run again.

    rounds/<domain>/0001/round.json      the round as it began: domain and champion
                         collect.json    {"key", "record"} of each finished stage
                         ...
                         promote.json    present: the round is finished

A stage's key is the hash of everything it depends on: its input records and the settings it reads. A record
is reused only under the same key, so a setting changed in mid-round repeats the stages it touches, no others.
"""

import json
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from tasks.config import Config
from tasks.errors import IntegrityError
from tasks.files import canonical_json, sha256_of, write_atomically
from tasks.home import Home
from tasks.records import (
    STAGES,
    ArmReport,
    Domain,
    FeedbackBatch,
    LabelDataset,
    ModelVersion,
    PromotionDecision,
    Record,
    Sha256,
    Stage,
)

StageRecord = TypeVar("StageRecord", bound=Record)

# The settings each stage reads, whole sections or keys of one; `seed` and `system_prompt` shape what models say.
_SETTINGS: dict[Stage, tuple[str, ...]] = {
    "collect": (
        "seed",
        "system_prompt",
        "model",
        "generation",
        "collect",
        "reference_judge",
        "judges",
        "human_feedback.argilla",
        "human_feedback.api_key_secret",
        "human_feedback.workspace",
        "human_feedback.labels",
        "human_feedback.audit_share",
        "human_feedback.guidelines",
    ),
    "curate": ("seed", "system_prompt", "model", "judge_trust", "end_users", "curate"),
    "train": ("seed", "model", "train"),
    "evaluate": (
        "seed",
        "system_prompt",
        "model",
        "generation",
        "reference_judge",
        "judges",
        "human_feedback.argilla",
        "human_feedback.api_key_secret",
        "human_feedback.workspace",
        "human_feedback.test_labels",
        "human_feedback.guidelines",
        "evaluate",
        "skills",
        "promote.with_retrieval",
    ),
    "promote": ("promote", "skills", "licences"),
}

# What else those stages read that put passages into prompts.
_RETRIEVAL = ("retrieval", "writer")


class Round(Record):
    """A round as it began; its stages read the domain and champion from here, not as they may be by now."""

    number: Annotated[int, Field(ge=1)]
    domain: Domain
    champion: ModelVersion


class RoundEnd(Record):
    """The state of the inputs when a round ended: as long as it stands, there is nothing new to learn from."""

    inputs_sha256: Sha256
    feedback: tuple[Sha256, ...] = Field(default=(), description="the log's segments it learned from")


def stage_key(config: Config, stage: Stage, inputs: tuple[Record, ...]) -> str:
    """The hash of the stage's input records and of the settings it reads."""
    settings = {name: attrgetter(name)(config) for name in _settings_of(config, stage)}
    return sha256_of(
        {
            "stage": stage,
            "settings": {name: _plain(value) for name, value in settings.items()},
            "inputs": [record.model_dump(mode="json") for record in inputs],
        }
    )


def _settings_of(config: Config, stage: Stage) -> tuple[str, ...]:
    retrieves = {
        "collect": "rag" in config.collect.arms,
        "train": config.train.contexts is not None,
        "evaluate": config.promote.with_retrieval or any(skill.with_retrieval for skill in config.skills),
    }
    cites = ("train.contexts.citations",) if stage == "collect" and config.train.contexts else ()
    return _SETTINGS[stage] + (_RETRIEVAL if retrieves.get(stage) else ()) + cites


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def read_stage(folder: Path, stage: Stage, key: str, record_type: type[StageRecord]) -> StageRecord | None:
    """The record the stage left under this key; None when it has not run, or ran with other inputs.

    Raises:
        IntegrityError: when the file cannot be read as what it should be.
    """
    path = folder / f"{stage}.json"
    if not path.exists():
        return None
    entry = _load(path)
    return _parse(path, entry.get("record"), record_type) if entry.get("key") == key else None


def read_last(folder: Path, stage: Stage, record_type: type[StageRecord]) -> StageRecord | None:
    """The record the stage left last, under whatever key; None when it has not run."""
    path = folder / f"{stage}.json"
    return _parse(path, _load(path).get("record"), record_type) if path.exists() else None


def write_stage(folder: Path, stage: Stage, key: str, record: Record) -> None:
    """Keeps the stage's record; from now on the stage counts as run.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    entry = {"key": key, "record": record.model_dump(mode="json")}
    write_atomically(folder / f"{stage}.json", canonical_json(entry).encode())


def revise_stage(folder: Path, stage: Stage, record: Record) -> None:
    """Keeps another record of a stage that has run, under the key that it ran with.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    write_stage(folder, stage, _load(folder / f"{stage}.json")["key"], record)


def begin_round(home: Home, number: int, domain: Domain, champion: ModelVersion) -> Round:
    """Opens the round's folder and fixes what it works on."""
    opened = Round(number=number, domain=domain, champion=champion)
    write_atomically(home.round(domain.name, number) / "round.json", canonical_json(opened).encode())
    return opened


def end_round(home: Home, opened: Round, inputs_sha256: str, feedback: Sequence[str] = ()) -> None:
    """Marks the round as finished, with the state of the inputs at that time."""
    path = home.round(opened.domain.name, opened.number) / "end.json"
    end = RoundEnd(inputs_sha256=inputs_sha256, feedback=tuple(feedback))
    write_atomically(path, canonical_json(end).encode())


def read_rounds(home: Home, domain: str) -> Iterator[tuple[Round, RoundEnd | None]]:
    """The domain's rounds in order, each with its end when it is finished."""
    for path in sorted(home.rounds(domain).glob("[0-9]*/round.json")):
        end = path.parent / "end.json"
        opened = _parse(path, _load(path), Round)
        yield opened, _parse(end, _load(end), RoundEnd) if end.exists() else None


def inputs_sha256(config: Config, domain: Domain, feedback_sha256: str) -> str:
    """The hash of all that a round learns from: the config, the domain's files and the feedback so far.

    Prices and the settings of the benchmark are left out, and those of retrieval where no stage retrieves: they change
    what is said of a model, not it.
    """
    read = {name for stage in STAGES for name in _settings_of(config, stage)}
    unread = {"prices", "benchmark", "monitor", "compute", "serve", *_RETRIEVAL} - read
    settings = sha256_of(config.model_dump(mode="json", exclude=unread))
    return sha256_of({"config": settings, "domain": domain.model_dump(), "feedback": feedback_sha256})


def read_batches(home: Home, domain: str, before: int | None = None) -> list[FeedbackBatch]:
    """What the rounds have collected so far, oldest first; with `before`, only the rounds before that one."""
    return _read_all(home, domain, "collect", FeedbackBatch, before)


def read_reports(home: Home, domain: str) -> list[ArmReport]:
    """What the rounds have evaluated so far, oldest first."""
    return _read_all(home, domain, "evaluate", ArmReport)


def read_decisions(home: Home, domain: str, before: int | None = None) -> list[PromotionDecision]:
    """What the gate decided so far, oldest first; with `before`, only in the rounds before that one."""
    return _read_all(home, domain, "promote", PromotionDecision, before)


def read_label_datasets(home: Home, domain: str) -> tuple[list[LabelDataset], list[LabelDataset]]:
    """Every dataset that people were asked in, oldest first: about candidates, and about answers to test questions."""
    asked = [dataset for batch in read_batches(home, domain) for dataset in batch.label_datasets]
    on_tests = [dataset for report in read_reports(home, domain) for dataset in report.label_datasets]
    return asked, on_tests


def _read_all(
    home: Home, domain: str, stage: Stage, record_type: type[StageRecord], before: int | None = None
) -> list[StageRecord]:
    folders = sorted(home.rounds(domain).glob("[0-9]*"))
    wanted = (folder for folder in folders if before is None or int(folder.name) < before)
    records = (read_last(folder, stage, record_type) for folder in wanted)
    return [record for record in records if record is not None]


def finished_stages(home: Home, opened: Round) -> list[Stage]:
    """The stages of this round that have left a record, in their order."""
    folder = home.round(opened.domain.name, opened.number)
    return [stage for stage in STAGES if (folder / f"{stage}.json").exists()]


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise IntegrityError(f"{path} is damaged: delete it, and the stage will run again.") from error
    if not isinstance(loaded, dict):
        raise IntegrityError(f"{path} is damaged: delete it, and the stage will run again.")
    return loaded


def _parse(path: Path, fields: Any, record_type: type[StageRecord]) -> StageRecord:
    try:
        return record_type.model_validate(fields)
    except ValidationError as error:
        raise IntegrityError(f"{path} holds no {record_type.__name__}: delete it to run the stage again.") from error
