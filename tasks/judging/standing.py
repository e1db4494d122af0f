"""Where each judge stands, by the feedback and the candidates of all rounds: its calibration, and its weight."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.files import read_rows
from tasks.home import Home
from tasks.judging.audit_rows import rows_to_calibrate
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
        events: one row for each id, as `measured_events` or `log.read_frame` gives it, without what was withdrawn.

    Raises:
        IntegrityError: when the candidates of a round were altered.
    """
    feedback = rows_to_calibrate(events)
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
