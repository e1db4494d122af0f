"""A judge's leanings to place, length and its own family: found where they were put in, and nowhere else."""

from typing import Any

import pytest
from example_verdicts import MODELS, OWN, by_models, in_orders, on, only, texts

from tasks.judging import calibration
from tasks.records import Preference

# --- position ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orders", "bias", "changed"),
    [
        ([("a", "b")] * 4, 1.0, 1.0),  # the first shown, every time
        ([("b", "a")] * 4, -1.0, 1.0),  # the second
        ([("a", "a"), ("b", "b"), ("tie", "tie"), ("both_bad", "both_bad")], 0.0, 0.0),
        ([("a", "b"), ("b", "a"), ("a", "a"), ("tie", "a")], 0.0, 0.75),
        ([("a", "b"), ("a", "b"), ("b", "a"), ("a", "a")], 0.25, 0.75),
    ],
)
def test_position_bias_is_how_often_place_wins_first_minus_second(
    orders: list[tuple[Preference, Preference]], bias: float, changed: float
) -> None:
    found = only(in_orders(*orders))
    assert found.position_bias is not None and found.swap_inconsistent is not None
    assert (found.position_bias.value, found.swap_inconsistent.value) == (bias, changed)
    low, high = found.position_bias.ci95
    assert low <= bias <= high and low < high


def test_position_is_measured_on_so_many_pairs_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "POSITION_PAIRS", 5)
    rows = in_orders(*[("a", "b")] * 3, *[("a", "a")] * 9)
    found = only(rows)
    assert found.position_bias is not None and found.position_bias.comparisons == 5
    assert only(rows[::-1]) == found


# --- length and family ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "verdict", "bias"),
    [
        ("bbbb", "aaaa", 1.0),  # always the longer one, where people always choose the shorter
        ("aabb", "aaaa", 0.5),
        ("aaaa", "bbbb", -1.0),
        ("abab", "abab", 0.0),
        ("tttt", "aaaa", 0.5),
        ("!!!!", "tttt", 0.0),
    ],
)
def test_length_bias_is_the_liking_for_the_longer_answer_beyond_that_of_people(
    word: str, verdict: str, bias: float
) -> None:
    candidates, pairs = texts(4, lambda number: (f"a rather long answer, number {number}", f"short {number}"))
    rows = [*on(pairs, word, "human", audit=True, annotator="ann"), *on(pairs, verdict, "judge:j")]
    found = only(rows, candidates)
    assert found.length_bias is not None
    assert (found.length_bias.value, found.length_bias.comparisons) == (bias, 4)


def test_answers_of_one_length_or_unknown_texts_say_nothing_of_length() -> None:
    candidates, pairs = texts(3, lambda number: ("one two", "two one") if number else ("longer text", "short"))
    rows = [*on(pairs, "aaa", "human", audit=True, annotator="ann"), *on(pairs, "aaa", "judge:j")]
    found = only(rows, candidates)
    assert found.length_bias is not None and found.length_bias.comparisons == 1
    assert only(rows, candidates[1:]).length_bias is None


@pytest.mark.parametrize(
    ("word", "verdict", "preference"), [("bbbb", "aaaa", 1.0), ("abab", "abab", 0.0), ("aatt", "ttbb", -0.5)]
)
def test_self_preference_is_the_liking_for_its_own_family_beyond_that_of_people(
    word: str, verdict: str, preference: float
) -> None:
    candidates, pairs = by_models(4)
    rows = [*on(pairs, word, "human", audit=True, annotator="ann"), *on(pairs, verdict, "judge:j@0123456789ab")]
    found = only(rows, candidates, families={"j": "smol"}, models=MODELS)
    assert found.self_preference is not None
    assert (found.self_preference.value, found.self_preference.comparisons) == (preference, 4)


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"families": {"j": "smol"}},
        {"models": MODELS},
        {"families": {"another": "smol"}, "models": MODELS},
        {"families": {"j": "gpt"}, "models": MODELS},  # neither answer is of its family
        {"families": {"j": "hub"}, "models": MODELS},  # both are
        {"families": {"j": "smol"}, "models": {OWN: "smol"}},  # nobody knows who wrote the other
    ],
)
def test_without_an_answer_of_its_family_beside_another_there_is_no_self_preference(known: dict[str, Any]) -> None:
    candidates, pairs = by_models(4)
    rows = [*on(pairs, "bbbb", "human", audit=True, annotator="ann"), *on(pairs, "aaaa", "judge:j@0123456789ab")]
    assert only(rows, candidates, **known).self_preference is None
