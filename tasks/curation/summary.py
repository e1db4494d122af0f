"""What a round learned from: labels by kind, how far those who gave them agree, and what judges weigh.

A snapshot says what was trained on, whoever built it first; this says what the log held when the round built it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pydantic import Field

from tasks.config import Config
from tasks.feedback.agreement import Agreement, measure_agreement
from tasks.feedback.sources import PEOPLE
from tasks.feedback.withdrawals import CURATE_AGAIN
from tasks.files import canonical_json, read_record, write_atomically
from tasks.home import Home
from tasks.judging.calibration import JudgeCalibration
from tasks.judging.standing import judges_so_far
from tasks.judging.trust import JudgeWeight, judge_weights
from tasks.records import Count, Feedback, FeedbackBatch, Record, Sha256, Snapshot
from tasks.settings.judging import JudgeTrustSettings
from tasks.snapshots import Kind, read_sources

# Agreement is a rough figure: more resamples would change its interval in the third digit only.
RESAMPLES = 1000
_FILE = "feedback.json"
_DEFAULT_TRUST = JudgeTrustSettings()


class FeedbackSummary(Record):
    """What a round learned from."""

    segments: tuple[Sha256, ...] = Field(description="the segments of the feedback log that it read")
    judgements: dict[str, Count] = Field(description="judgements that stood, by source")
    demonstrations: dict[str, Count] = Field(description="rows of SFT by kind: reference, correction")
    preference_pairs: dict[str, Count] = Field(
        description="rows of DPO by kind: human, oracle, judge:<name>, correction, reference"
    )
    rated_answers: dict[str, Count] = Field(description="rows of KTO by kind: end_user")
    agreement: Agreement = Field(description="between people")
    judges: tuple[JudgeCalibration, ...] = Field(description="how far each judge can be believed, by name")
    weights: dict[str, JudgeWeight] = Field(description="what each of those judges weighed, by its feedback source")
    min_kappa: float = Field(description="kappa from which a judge counts in full")


def summarise_feedback(
    segments: Sequence[str],
    judgements: Mapping[str, int],
    people: Sequence[Feedback],
    sources: Mapping[Kind, Iterable[str]],
    seed: int,
    judges: Sequence[JudgeCalibration] = (),
    trust: JudgeTrustSettings = _DEFAULT_TRUST,
) -> FeedbackSummary:
    """The summary of a round's feedback and of the rows it became.

    Args:
        judgements: how many stood, by source.
        people: those of people, one row for each id, without retracted ones.
        sources: of the rows of the snapshot.
        judges: how far each judge can be believed, as `judges_so_far` finds it.
        trust: what a judge must reach; with `judges` it gives their weights.
    """
    return FeedbackSummary(
        segments=tuple(sorted(segments)),
        judgements=dict(sorted(judgements.items())),
        demonstrations=_counted(map(source_kind, sources["demonstrations"])),
        preference_pairs=_counted(map(source_kind, sources["preference_pairs"])),
        rated_answers=_counted(map(source_kind, sources["rated_answers"])),
        agreement=measure_agreement(people, resamples=RESAMPLES, seed=seed),
        judges=tuple(judges),
        weights=judge_weights(judges, trust),
        min_kappa=trust.min_kappa,
    )


def keep_summary(
    config: Config,
    home: Home,
    round_folder: Path,
    batches: Sequence[FeedbackBatch],
    segments: Sequence[str],
    snapshot: Snapshot,
) -> FeedbackSummary:
    """The summary of the round that has just built the snapshot, kept in the round's folder.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    from tasks.curation.incremental.measured import count_judgements, read_measured
    from tasks.feedback.event_frames import to_records

    events = read_measured(home, config.name)
    summary = summarise_feedback(
        segments,
        count_judgements(home, config.name),
        to_records(events.filter(events["source"].is_in(PEOPLE))),
        read_sources(home.snapshots, snapshot),
        config.seed,
        judges_so_far(config, home, batches, events),
        config.judge_trust,
    )
    write_atomically(round_folder / _FILE, canonical_json(summary).encode())
    return summary


def read_summary(folder: Path) -> FeedbackSummary | None:
    """The summary in the round's folder; None before the round was curated.

    Raises:
        IntegrityError: when the file is damaged.
    """
    return read_record(folder / _FILE, FeedbackSummary, CURATE_AGAIN)


def source_kind(source: str) -> str:
    """The kind of a training row by its source: what stands before the id, as in `correction:<id>`, or all of it."""
    return source.rpartition(":")[0] or source


def _counted(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))
