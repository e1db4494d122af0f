"""Running a stage of a round, unless it ran before with the same inputs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tasks.config import Config
from tasks.home import Home
from tasks.progress import say
from tasks.records import Record, Stage
from tasks.rounds import Round, read_stage, stage_key, write_stage

StageRecord = TypeVar("StageRecord", bound=Record)


class RoundPaused(Exception):
    """The round has reached the stage it was to stop after."""


@dataclass(frozen=True)
class RoundContext:
    """Where a stage works.

    Attributes:
        opened: the round as it began.
        until: the stage to stop after.
        key: the hash of the running stage's inputs and settings; empty between stages.
        wait_for_labels: how many labels people must have given in this round before it learns from them; 0: it
            goes on with those that are there.
    """

    config: Config
    home: Home
    opened: Round
    until: Stage
    key: str = ""
    wait_for_labels: int = 0

    @property
    def folder(self) -> Path:
        """The round's folder."""
        return self.home.round(self.opened.domain.name, self.opened.number)

    @property
    def work_folder(self) -> Path:
        """Where the running stage keeps unfinished work: a restart finds it, other inputs do not mix with it."""
        return self.folder / "work" / self.key[:16]


def run_stage(
    stage: Stage,
    record_type: type[StageRecord],
    flow: Callable[..., StageRecord],
    context: RoundContext,
    *inputs: Record,
) -> StageRecord:
    """The stage's record: from the ledger when it ran with these inputs and settings, otherwise by running it.

    Raises:
        RoundPaused: when this is the stage to stop after, and the round has others to come.
    """
    opened = context.opened
    key = stage_key(context.config, stage, (opened, *inputs))
    record = read_stage(context.folder, stage, key, record_type)
    if record is None:
        say(f"round {opened.number}: {stage}")
        record = flow(replace(context, key=key), *inputs)
        write_stage(context.folder, stage, key, record)
    else:
        say(f"round {opened.number}: {stage} was done before")
    if stage == context.until != "promote":
        raise RoundPaused
    return record
