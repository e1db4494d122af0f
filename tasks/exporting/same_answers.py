"""Whether two forms of a model give the same answers: the rule. Pure.

Other arithmetic gives other last digits, and where the evaluated model all but wavers between two tokens, the last
digits decide; from there on two greedy answers go ways of their own. So answers are compared token by token up to the
first difference. There the form may have taken another token only where the evaluated model itself preferred its own by
no more than the tolerance. What comes after a first difference is an answer to another text, and proves nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.records import FormParity
from tasks.settings.evaluation import Form


@dataclass(frozen=True)
class Answered:
    """What a form made of one prompt.

    Attributes:
        prompt_ids: the prompt's tokens, as the form's own tokenizer and chat template gave them.
        token_ids: of its greedy answer, the end token included.
        gap: largest gap to the evaluated model's logits (or log-probabilities); None: they cannot be read.
    """

    prompt_ids: Sequence[int]
    token_ids: Sequence[int]
    gap: float | None


@dataclass(frozen=True)
class Expected(Answered):
    """What the evaluated model made of the prompt.

    Attributes:
        question: the prompt's text, for people.
        logits: (answer tokens, vocabulary), float32; row i is what token i was chosen by.
    """

    question: str
    logits: Any


@dataclass(frozen=True)
class Parting:
    """Where an answer leaves the evaluated model's.

    Attributes:
        place: the first token that differs, from 0.
        gap: by how much the evaluated model preferred its own token, in its logits; infinite where one answer is the
            start of the other, for then one of the two did not end where it should have.
    """

    place: int
    gap: float


def first_difference(expected: Sequence[int], found: Sequence[int]) -> int | None:
    """The place of the first token that differs, from 0; the shorter length where one is the start of the other."""
    pairs = zip(expected, found, strict=False)
    shorter = None if len(expected) == len(found) else min(len(expected), len(found))
    return next((place for place, (own, other) in enumerate(pairs) if own != other), shorter)


def where_they_part(expected: Sequence[int], found: Sequence[int], logits: Any) -> Parting | None:
    """Where two greedy answers part; None: they are equal.

    Args:
        logits: (tokens of `expected`, vocabulary): the evaluated model's.
    """
    place = first_difference(expected, found)
    if place is None:
        return None
    if place == min(len(expected), len(found)):
        return Parting(place, math.inf)
    return Parting(place, abs(float(logits[place][expected[place]]) - float(logits[place][found[place]])))


def judge_form(
    form: Form,
    numbers: str,
    loaded_with: str,
    expected: Sequence[Expected],
    found: Sequence[Answered],
    tolerance: float,
) -> FormParity:
    """Whether the form answers as the evaluated model does; the first thing that is wrong is its problem.

    Args:
        expected: by prompt, at least one.
        found: for the same prompts.
    """
    partings = [where_they_part(e.token_ids, f.token_ids, e.logits) for e, f in zip(expected, found, strict=True)]
    problems = [_problem(form, *each, tolerance) for each in zip(expected, found, partings, strict=True)]
    gaps = [answered.gap for answered in found if answered.gap is not None]
    return FormParity(
        form=form,
        numbers=numbers,
        loaded_with=loaded_with,
        prompts=len(expected),
        equal_answers=sum(parting is None for parting in partings) / len(expected),
        max_gap=max(gaps) if gaps and all(map(math.isfinite, gaps)) else None,
        tolerance=tolerance,
        passed=not any(problems),
        problem=next(filter(None, problems), None),
    )


def broken_form(form: Form, numbers: str, loaded_with: str, prompts: int, tolerance: float, reason: str) -> FormParity:
    """The verdict on a form that gave no answers at all."""
    return FormParity(
        form=form,
        numbers=numbers,
        loaded_with=loaded_with,
        prompts=prompts,
        equal_answers=0.0,
        max_gap=None,
        tolerance=tolerance,
        passed=False,
        problem=reason.rstrip("."),
    )


def _problem(form: Form, expected: Expected, found: Answered, parting: Parting | None, tolerance: float) -> str | None:
    asked = f"{form}, asked {expected.question[:80]!r},"
    other = first_difference(expected.prompt_ids, found.prompt_ids)
    if other is not None:
        return f"{asked} reads another prompt: its token {other + 1} differs"
    # Written so that NaN, which no comparison holds for, counts as a gap.
    if found.gap is not None and not found.gap <= tolerance:
        return f"{asked} is off by {found.gap:.2g} ({tolerance:g} allowed)"
    if parting is not None and not parting.gap <= tolerance:
        own = "ends elsewhere" if math.isinf(parting.gap) else f"prefers its own token by {parting.gap:.2g}"
        return f"{asked} differs at token {parting.place + 1}, where the evaluated model {own} ({tolerance:g} allowed)"
    return None
