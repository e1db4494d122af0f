"""Judges for tests: one that agrees with people, one that does not, one that nobody can be set beside."""

from example_records import candidate, judgement

from tasks.judging.calibration import JudgeCalibration, calibrate
from tasks.records import Candidate, Feedback, Preference
from tasks.snapshots import KINDS, Kind

RIGHT, POOR, NEW = "judge:reference", "judge:local@0123456789ab", "judge:other@ba9876543210"
NO_ROWS: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
_OPPOSITE: dict[Preference, Preference] = {"a": "b", "b": "a"}


def audited_judgements(people: str = "human", count: int = 40) -> tuple[list[Feedback], list[Candidate]]:
    """A person and two judges on so many audit comparisons, a third judge on another, and the answers.

    RIGHT says what the person says nine times of ten. POOR is asked in both orders and says what is shown first
    three times of four, which makes a tie.
    """
    feedback, candidates = [judgement("x", "y", by=NEW, name="elsewhere")], []
    for number in range(count):
        name, texts = f"q{number}", ("a rather long answer", "a short one")
        candidates += [candidate(text, name) for text in texts]
        word: Preference = "a" if number % 2 else "b"
        right = word if number % 10 else _OPPOSITE[word]
        orders: tuple[Preference, Preference] = ("a", "b") if number % 4 else ("a", "a")
        feedback += [
            judgement(*texts, word, by=people, annotator="ann", name=name, audit=True),
            judgement(*texts, right, by=RIGHT, name=name),
            judgement(
                *texts,
                "tie" if number % 4 else "a",
                by=POOR,
                name=name,
                both_orders=orders,
                swap_inconsistent=orders[0] != orders[1],
            ),
        ]
    return feedback, candidates


def calibrated_judges(people: str = "human", count: int = 40) -> tuple[JudgeCalibration, ...]:
    """Their calibrations: POOR, NEW, RIGHT."""
    feedback, candidates = audited_judgements(people, count)
    return calibrate(feedback, {each.id: each for each in candidates})
