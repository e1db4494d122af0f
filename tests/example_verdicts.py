"""What people and judges say in tests, a letter a question: a, b, t (tie), ! (both bad), - (nothing)."""

from collections.abc import Callable, Iterable
from typing import Any

from example_records import candidate, judgement

from tasks.judging.calibration import JudgeCalibration, calibrate
from tasks.records import Candidate, Feedback, Preference

LETTERS: dict[str, Preference] = {"a": "a", "b": "b", "t": "tie", "!": "both_bad"}
# Weights of a model of a judge's family, and of another; and what the models are called.
OWN, OTHER = "1" * 64, "2" * 64
MODELS = {OWN: "hub/Smol-Model-2", OTHER: "hub/other-7b"}


def people(said: str, who: str = "ann", by: str = "human", audit: bool = True, **more: Any) -> list[Feedback]:
    """What somebody says of the answers x and y to question q0, q1, ...; `-` is no answer."""
    return [
        judgement("x", "y", LETTERS[letter], by=by, annotator=who, name=f"q{number}", audit=audit, **more)
        for number, letter in enumerate(said)
        if letter != "-"
    ]


def judge(said: str, by: str = "judge:j", **more: Any) -> list[Feedback]:
    """A judge's verdicts on the same answers."""
    return [
        judgement("x", "y", LETTERS[letter], by=by, name=f"q{number}", **more)
        for number, letter in enumerate(said)
        if letter != "-"
    ]


def only(rows: Iterable[Feedback], candidates: Iterable[Candidate] = (), **more: Any) -> JudgeCalibration:
    """The calibration of the one judge in these rows."""
    [found] = calibrate(list(rows), {each.id: each for each in candidates}, **more)
    return found


def in_orders(*orders: tuple[Preference, Preference]) -> list[Feedback]:
    """A judge's verdicts on x and y, from what it said with x shown first and with y shown first."""
    return [
        judgement(
            "x",
            "y",
            one if one == two else "tie",
            by="judge:j",
            name=f"q{n}",
            both_orders=(one, two),
            swap_inconsistent=one != two,
        )
        for n, (one, two) in enumerate(orders)
    ]


def texts(count: int, make: Callable[[int], tuple[str, str]]) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """Two answers to each of so many questions, as candidates and as texts."""
    pairs = [make(number) for number in range(count)]
    return [candidate(text, f"q{number}") for number, pair in enumerate(pairs) for text in pair], pairs


def on(pairs: list[tuple[str, str]], said: str, by: str, **more: Any) -> list[Feedback]:
    """What somebody says of these answers, question by question."""
    return [
        judgement(*pair, LETTERS[letter], by=by, name=f"q{number}", **more)
        for number, (pair, letter) in enumerate(zip(pairs, said, strict=True))
    ]


def by_models(count: int) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """The first answer of each pair is of the family, the second is not."""
    candidates, pairs = texts(count, lambda number: (f"own {number}", f"other {number}"))
    return [
        each.model_copy(update={"weights_sha256": OWN if each.text.startswith("own") else OTHER}) for each in candidates
    ], pairs
