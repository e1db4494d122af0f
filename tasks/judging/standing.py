"""Where each judge stands, by the feedback and the candidates of all rounds: its calibration, and its weight."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.feedback.sources import PEOPLE
from tasks.files import read_rows
from tasks.home import Home
from tasks.judging.calibration import JudgeCalibration, measure_judges
from tasks.judging.trust import judge_weights
from tasks.records import Candidate, FeedbackBatch

if TYPE_CHECKING:
    import polars as pl


def judges_so_far(
    config: Config, home: Home, batches: Sequence[FeedbackBatch], events: "pl.DataFrame"
) -> tuple[JudgeCalibration, ...]:
    """Every judge that has judged, beside people.

    Args:
        events: as `rows_to_measure` chooses them.

    Raises:
        IntegrityError: when the candidates of a round were altered.
    """
    import polars as pl

    from tasks.feedback.event_frames import to_records

    # Of people only what is compared with judges: records are slow to make.
    feedback = to_records(events.filter(pl.col("audit") | ~pl.col("source").is_in(PEOPLE)))
    spoken_of = {candidate for row in feedback for candidate in (row.candidate_a, row.candidate_b)}
    candidates = [
        row for batch in batches for row in read_rows(home.objects, batch.candidates, Candidate) if row.id in spoken_of
    ]
    return measure_judges(config, batches, candidates, feedback)


def weigh_judges(
    config: Config, home: Home, batches: Sequence[FeedbackBatch], events: "pl.DataFrame"
) -> dict[str, float]:
    """What each judge's word weighs in training, 0 to 1, by feedback source; arguments as above."""
    weights = judge_weights(judges_so_far(config, home, batches, events), config.judge_trust)
    return {judge: each.weight for judge, each in weights.items()}
