"""Two replies make one verdict, whichever way round; what is no reply is refused, never guessed."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judging.verdicts import (
    REASON_LENGTH,
    PairwiseReply,
    RubricReply,
    compare_orders,
    compare_scores,
    json_schema,
    one_line,
    parse_reply,
)

PREFERENCES = ("first", "second", "tie", "both_bad")
MIRRORED = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}

pairwise = st.builds(PairwiseReply, reason=st.text(max_size=20), preference=st.sampled_from(PREFERENCES))
rubric = st.builds(RubricReply, reason=st.text(max_size=20), score=st.integers(1, 5))


def said(preference: str) -> PairwiseReply:
    return PairwiseReply.model_validate({"reason": "why", "preference": preference})


def scored(score: int) -> RubricReply:
    return RubricReply.model_validate({"reason": "why", "score": score})


@pytest.mark.parametrize(
    ("a_first", "b_first", "preference", "confidence", "orders"),
    [
        ("first", "second", "a", 1.0, ("a", "a")),
        ("second", "first", "b", 1.0, ("b", "b")),
        ("tie", "tie", "tie", 1.0, ("tie", "tie")),
        ("both_bad", "both_bad", "both_bad", 1.0, ("both_bad", "both_bad")),
        ("first", "first", "tie", 0.0, ("a", "b")),  # it saw nothing but the place
        ("second", "second", "tie", 0.0, ("b", "a")),
        ("first", "tie", "tie", 0.5, ("a", "tie")),
        ("both_bad", "first", "tie", 0.5, ("both_bad", "b")),
        ("tie", "both_bad", "tie", 0.5, ("tie", "both_bad")),
    ],
)
def test_orders_that_agree_are_the_verdict_and_others_a_marked_tie(
    a_first: str, b_first: str, preference: str, confidence: float, orders: tuple[str, str]
) -> None:
    verdict = compare_orders(said(a_first), said(b_first))
    assert (verdict.preference, verdict.confidence, verdict.both_orders) == (preference, confidence, orders)
    assert verdict.swap_inconsistent == (orders[0] != orders[1])
    assert verdict.reason == "a first: why; b first: why"


@pytest.mark.parametrize(
    ("a", "b", "preference", "confidence"),
    [
        (5, 1, "a", 1.0),
        (1, 5, "b", 1.0),
        (4, 3, "a", 0.5),
        (2, 4, "b", 0.6667),
        (3, 3, "tie", 0.5),
        (1, 1, "both_bad", 1.0),
        (1, 2, "b", 0.5),
    ],
)
def test_the_higher_score_wins(a: int, b: int, preference: str, confidence: float) -> None:
    verdict = compare_scores(scored(a), scored(b))
    assert (verdict.preference, verdict.confidence) == (preference, confidence)
    assert (verdict.swap_inconsistent, verdict.both_orders) == (False, None)
    assert verdict.reason == f"a scores {a}: why; b scores {b}: why"


@given(pairwise, pairwise)
def test_swapping_a_and_b_swaps_a_pairwise_verdict(one: PairwiseReply, other: PairwiseReply) -> None:
    verdict, swapped = compare_orders(one, other), compare_orders(other, one)
    assert swapped.preference == MIRRORED[verdict.preference]
    assert swapped.confidence == verdict.confidence
    assert verdict.both_orders is not None and swapped.both_orders is not None
    assert swapped.both_orders == tuple(MIRRORED[order] for order in reversed(verdict.both_orders))


@given(rubric, rubric)
def test_swapping_a_and_b_swaps_a_rubric_verdict(one: RubricReply, other: RubricReply) -> None:
    verdict, swapped = compare_scores(one, other), compare_scores(other, one)
    assert (swapped.preference, swapped.confidence) == (MIRRORED[verdict.preference], verdict.confidence)


GOOD = '{"reason": "r", "preference": "first"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "first",
        "null",
        f"[{GOOD}]",
        GOOD[:-1],  # cut short
        f"```json\n{GOOD}\n```",
        f"The verdict: {GOOD}",
        f"{GOOD} {GOOD}",
        '{"reason": "r"}',
        '{"preference": "first"}',
        '{"reason": "r", "preference": "a"}',
        '{"reason": "r", "preference": "First"}',
        '{"reason": null, "preference": "first"}',
        '{"reason": ["r"], "preference": "first"}',
        '{"reason": "r", "preference": "first", "score": 5}',
        '{"reason": "r", "preference": "second", "preference": "first"}',
        '{"reason": "\\ud800", "preference": "first"}',
        '{"reason": "' + "r" * 20_000 + '", "preference": "first"}',
        '{"a":' * 5_000,
    ],
)
def test_what_is_no_pairwise_reply_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_reply(text, PairwiseReply)


@pytest.mark.parametrize("score", ["0", "6", "4.5", "4.0", '"4"', "true", "null", "[4]"])
def test_a_score_is_a_whole_number_from_1_to_5(score: str) -> None:
    with pytest.raises(ValueError):
        parse_reply(f'{{"reason": "r", "score": {score}}}', RubricReply)
    assert parse_reply('{"reason": "r", "score": 4}', RubricReply) == RubricReply(reason="r", score=4)


def test_the_schema_that_is_asked_for_is_strict_and_gives_the_reason_first() -> None:
    schema = json_schema(PairwiseReply)
    assert list(schema["properties"]) == schema["required"] == ["reason", "preference"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["preference"]["enum"] == list(PREFERENCES)
    assert schema["properties"]["reason"] == {"maxLength": REASON_LENGTH, "type": "string"}
    assert json_schema(RubricReply)["properties"]["score"] == {"enum": [1, 2, 3, 4, 5], "type": "integer"}


@given(st.text())
def test_a_reason_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= REASON_LENGTH
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(each).startswith("C") for each in line if each not in "\u200c\u200d")
    json.dumps(line, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\r\n\tthree\u2028four", "one two three four"),
        ("\x1b[31mred\x1b[0m\x00", "[31mred [0m"),
        ("hidden\u202e\U000e0041 end\ufeff", "hidden end"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 301, "x" * 299 + "…"),
        (" \n ", ""),
    ],
)
def test_reasons_are_cleaned(text: str, line: str) -> None:
    assert one_line(text) == line
