"""What a round learned from: labels by kind, and how far those who gave them agree.

A snapshot says what was trained on, whoever built it first; this says what the log held when the round built it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from tasks.errors import IntegrityError
from tasks.feedback.agreement import Agreement, measure_agreement
from tasks.files import canonical_json, write_atomically
from tasks.records import Count, Demonstration, Feedback, PreferencePair, Record, Sha256, Snapshot
from tasks.snapshots import read_demonstrations, read_preference_pairs

# Agreement is a rough figure: more resamples would change its interval in the third digit only.
RESAMPLES = 1000
_FILE = "feedback.json"


class FeedbackSummary(Record):
    """What a round learned from."""

    segments: tuple[Sha256, ...] = Field(description="the segments of the feedback log that it read")
    judgements: dict[str, Count] = Field(description="judgements that stood, by source")
    demonstrations: dict[str, Count] = Field(description="rows of SFT by kind: reference, correction")
    preference_pairs: dict[str, Count] = Field(
        description="rows of DPO by kind: human, oracle, judge:<name>, correction, reference"
    )
    agreement: Agreement = Field(description="between people, and between people and judges")


def summarise_feedback(
    segments: Sequence[str],
    feedback: Sequence[Feedback],
    demonstrations: Sequence[Demonstration],
    pairs: Sequence[PreferencePair],
    seed: int,
) -> FeedbackSummary:
    """The summary of a round's feedback and of the rows it became.

    Args:
        feedback: one row for each id, without retracted ones, as `segments` hold it.
    """
    return FeedbackSummary(
        segments=tuple(sorted(segments)),
        judgements=_counted(row.source for row in feedback),
        demonstrations=_counted(source_kind(row.source) for row in demonstrations),
        preference_pairs=_counted(source_kind(row.source) for row in pairs),
        agreement=measure_agreement(feedback, resamples=RESAMPLES, seed=seed),
    )


def keep_summary(
    round_folder: Path,
    snapshots: Path,
    snapshot: Snapshot,
    segments: Sequence[str],
    feedback: Sequence[Feedback],
    seed: int,
) -> FeedbackSummary:
    """The summary of the round that built the snapshot, kept in the round's folder.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    summary = summarise_feedback(
        segments,
        feedback,
        read_demonstrations(snapshots, snapshot),
        read_preference_pairs(snapshots, snapshot),
        seed,
    )
    write_atomically(round_folder / _FILE, canonical_json(summary).encode())
    return summary


def read_summary(folder: Path) -> FeedbackSummary | None:
    """The summary in the round's folder; None before the round was curated.

    Raises:
        IntegrityError: when the file is damaged.
    """
    path = folder / _FILE
    try:
        return FeedbackSummary.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise IntegrityError(
            f"{path} is damaged: delete it and curate.json beside it, and run the round again."
        ) from error


def source_kind(source: str) -> str:
    """The kind of a training row by its source: what stands before the id, as in `correction:<id>`, or all of it."""
    return source.rpartition(":")[0] or source


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))
