"""What each judge was asked in each stage of a round, and at what cost: kept in the round's folder.

rounds/<domain>/0001/judging/collect/<judge>.json    {"judge", "stage", "counts"}
                             evaluate/<judge>.json
"""

from pathlib import Path
from typing import get_args

from pydantic import Field

from tasks.files import canonical_json, read_record, write_atomically
from tasks.judging.budget import JudgingStage
from tasks.judging.llm_judge import JudgingCounts, LlmJudge
from tasks.records import Record

_FOLDER = "judging"
STAGES: tuple[JudgingStage, ...] = get_args(JudgingStage)


class JudgeWork(Record):
    """What became of the comparisons that one judge was given in one stage."""

    judge: str = Field(description="its feedback source, such as `judge:local@0123456789ab`")
    stage: JudgingStage
    counts: JudgingCounts = Field(description="of the last time that the stage ran; what was spent is of all times")


def keep_work(round_folder: Path, stage: JudgingStage, judge: LlmJudge, counts: JudgingCounts) -> None:
    """Writes down what the judge was asked in this stage, in place of what was written there before.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    work = JudgeWork(judge=f"judge:{judge.name}", stage=stage, counts=counts)
    path = round_folder / _FOLDER / stage / f"{judge.settings.name}.json"
    write_atomically(path, canonical_json(work).encode())


def read_work(round_folder: Path) -> list[JudgeWork]:
    """What the round's judges were asked, by stage and name; empty when no LLM judge was.

    Raises:
        IntegrityError: when a file is damaged.
    """
    folders = (round_folder / _FOLDER / stage for stage in STAGES)
    found = (
        read_record(path, JudgeWork, "delete it; nothing but the account of it is lost")
        for folder in folders
        for path in sorted(folder.glob("*.json"))
    )
    return [each for each in found if each is not None]
