"""Every constraint is kept and broken by what its name says, in any script; what cannot be checked is refused."""

import json
import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.evaluation.instructions import CONSTRAINTS, constraint_problems, keeps, share_kept
from tasks.words import split_words

KEPT = [
    ("max_words", 3, "It is blue."),
    ("max_words", 2, "天空"),
    ("min_words", 3, "It is blue."),
    ("min_words", 2, "l'été arrive"),
    ("max_sentences", 1, "Dr. Smith pays 3.50 dollars."),
    ("max_sentences", 2, "It rains. It pours."),
    ("bullets", 2, "- one\n- two"),
    ("bullets", 2, "Here:\n  * one\n• two\n-three\n\n4. four"),
    ("lower_case", True, "it is 5 o'clock."),
    ("lower_case", True, "über straße"),
    ("upper_case", True, "ÜBER ÉTÉ 5!"),
    ("contains", "river", "A RIVER!"),
    ("contains", ["Café", "to go"], "One CAFE\u0301, to go."),
    ("contains", "空は", "今日の空は青い"),
    ("excludes", "car", "Cars and carts are scary."),
    ("excludes", ["a b", "c"], "a, then b"),
    ("starts_with", "In my opinion", "“In my opinion, yes.”"),
    ("ends_with", "How can I help", "Hi! How can I help?"),
    ("one_of", ["yes", "no"], " **Yes.**\n"),
    ("one_of", ["ship", "the sea"], "The sea!"),
    ("json", "object", '{"age": 3}'),
    ("json", "array", '```json\n["a"]\n```'),
    ("json", "array", '\n```\n[\n"a"\n]\n```'),
]
BROKEN = [
    ("max_words", 2, "It is blue."),
    ("max_words", 1, "天空"),
    ("min_words", 4, "It is blue."),
    ("max_sentences", 1, "It rains. It pours."),
    ("max_sentences", 1, "One paragraph\n\nanother"),
    ("bullets", 2, "- one"),
    ("bullets", 2, "- one\n- two\n- three"),
    ("bullets", 1, "-one, a - b"),
    ("lower_case", True, "it is Blue"),
    ("lower_case", True, "12"),
    ("lower_case", True, "ǅ a"),
    ("upper_case", True, "BLuE"),
    ("upper_case", True, "空"),
    ("contains", "river", "rivers"),
    ("contains", ["a", "b"], "a"),
    ("contains", "to go", "to, well, go"),
    ("excludes", "car", "A CAR."),
    ("excludes", ["x", "y"], "only y"),
    ("starts_with", "yes", "Oh yes"),
    ("starts_with", "yes indeed", "Yes"),
    ("ends_with", "and wait", "and wait for it"),
    ("one_of", ["yes", "no"], "yes and no"),
    ("one_of", ["yes", "no"], "The answer is yes."),
    ("json", "object", '["a"]'),
    ("json", "array", '{"a": 1}'),
    ("json", "object", 'Here: {"a": 1}'),
    ("json", "object", '{"a": 1,}'),
    ("json", "object", '{"a": NaN}'),
    ("json", "object", '```json\n{"a": 1}'),
    ("json", "array", '["a",' + "[" * 100_000),
]
NAMES = st.sampled_from(sorted(CONSTRAINTS))
COUNTS = st.integers(1, 8)
ANSWERS = st.text(max_size=60).filter(lambda text: bool(split_words(text)))
# Letters with both cases, and such of scripts without spaces, which are words each.
WORDS = st.lists(st.text("abcÄéßЖж1空", min_size=1, max_size=5), min_size=1, max_size=6).map(" ".join)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=6)
OBJECTS = st.dictionaries(st.text(max_size=9), JSON, max_size=4)


@pytest.mark.parametrize(("name", "value", "answer"), KEPT)
def test_a_constraint_is_kept(name: str, value: Any, answer: str):
    assert problems({name: value}) == [] and keeps(answer, name, value)


@pytest.mark.parametrize(("name", "value", "answer"), BROKEN)
def test_a_constraint_is_broken(name: str, value: Any, answer: str):
    assert problems({name: value}) == [] and not keeps(answer, name, value)


def test_every_constraint_has_examples_of_both():
    assert {name for name, _, _ in KEPT} == {name for name, _, _ in BROKEN} == CONSTRAINTS.keys()


@pytest.mark.parametrize("answer", ["", " \n", "…", "- \n- ", "[]", "🙂"])
def test_an_answer_without_a_word_keeps_nothing(answer: str):
    assert not any(keeps(answer, name, value) for name, value, _ in KEPT)


@pytest.mark.parametrize(
    ("answer", "share"), [("Blue.", 1.0), ("It is blue.", 0.75), ("Blue it is", 0.5), ("Red, it is", 0.25), ("", 0.0)]
)
def test_the_share_is_of_the_constraints_kept(answer: str, share: float):
    wanted = {"max_words": 1, "contains": "blue", "ends_with": "blue", "excludes": "it was"}
    assert share_kept(answer, wanted) == share


def problems(constraints: Any) -> list[str]:
    return list(constraint_problems({"constraints": constraints}))


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (
            {"maxwords": 3},
            'has the unknown constraint "maxwords" (value 3); did you mean `max_words`?',
        ),
        ({"rhymes": True}, 'has the unknown constraint "rhymes" (value true); there are max_words, min_words,'),
        ({"max_words": True}, "has true as the constraint `max_words`, not a whole number of at least 1; correct it."),
        ({"max_words": 1.0}, "has 1.0 as the constraint `max_words`, not a whole number of at least 1; correct it."),
        ({"bullets": 0}, "has 0 as the constraint `bullets`, not a whole number of at least 1; correct it."),
        ({"lower_case": False}, "has false as the constraint `lower_case`, not true (else leave it out); correct it."),
        ({"upper_case": 1}, "has 1 as the constraint `upper_case`, not true (else leave it out); correct it."),
        ({"contains": []}, "has [] as the constraint `contains`, not a text with a word, or a list of such;"),
        ({"contains": ["a", "!"]}, 'has ["a","!"] as the constraint `contains`, not a text with a word, or a list'),
        ({"excludes": None}, "has null as the constraint `excludes`, not a text with a word, or a list of such;"),
        ({"starts_with": ["a"]}, 'has ["a"] as the constraint `starts_with`, not a text with a word; correct it.'),
        ({"ends_with": "?"}, 'has "?" as the constraint `ends_with`, not a text with a word; correct it.'),
        ({"one_of": ["a"]}, 'has ["a"] as the constraint `one_of`, not a list of at least two different texts;'),
        ({"one_of": ["a", "A."]}, 'has ["a","A."] as the constraint `one_of`, not a list of at least two different'),
        ({"json": True}, 'has true as the constraint `json`, not "object" or "array"; correct it.'),
        ({"json": {}}, 'has {} as the constraint `json`, not "object" or "array"; correct it.'),
        (
            {"min_words": 5, "max_words": 4},
            "has the constraints `min_words` 5 and `max_words` 4, which no answer keeps; correct one.",
        ),
        (
            {"lower_case": True, "upper_case": True},
            "has the constraints `lower_case` and `upper_case`, which no answer keeps; leave one out.",
        ),
        (
            {"contains": ["the sea"], "excludes": "SEA"},
            'has the constraints `contains` "the sea" and `excludes` "SEA", which no answer keeps; correct one.',
        ),
        ([], 'has a list as `metadata.constraints` (value []), not an object; write {"max_words": 9}.'),
        ({}, "names no `constraints` in its metadata, by which it is scored; name some of max_words, min_words,"),
        (None, "names no `constraints` in its metadata, by which it is scored; name some of max_words, min_words,"),
    ],
)
def test_what_cannot_be_checked_is_refused_by_name_and_value(constraints: Any, expected: str):
    [found] = problems(constraints)
    assert found.startswith(expected)


@given(name=NAMES, value=JSON | st.lists(st.text(max_size=9), max_size=3), answer=st.text())
@example(name="one_of", value=["a", "b"], answer="b")
def test_any_value_is_refused_or_can_be_checked_on_any_answer(name: str, value: Any, answer: str):
    if not problems({name: value}):
        assert share_kept(answer, {name: value}) in (0.0, 1.0)


@given(answer=ANSWERS, count=COUNTS)
def test_the_word_limits_meet_at_the_number_of_words(answer: str, count: int):
    words = len(split_words(answer))
    assert keeps(answer, "max_words", count) == (words <= count)
    assert keeps(answer, "min_words", count) == (words >= count)


@given(count=COUNTS, limit=COUNTS)
def test_sentences_are_counted_whether_lines_part_them_or_not(count: int, limit: int):
    for between in (" ", "\n\n"):
        answer = between.join(["It rains here."] * count)
        assert keeps(answer, "max_sentences", limit) == (count <= limit)


@given(items=st.lists(WORDS, min_size=1, max_size=6), mark=st.sampled_from("-*•"), count=COUNTS)
def test_bullets_are_counted_one_a_line(items: list[str], mark: str, count: int):
    answer = "\n".join(f"{mark} {item}" for item in items)
    assert keeps(answer, "bullets", count) == (len(items) == count)


@given(letters=st.text(string.ascii_letters + " ÄäЖж", min_size=1).filter(lambda text: bool(split_words(text))))
def test_cases_are_opposite(letters: str):
    assert keeps(letters.lower(), "lower_case", True) and keeps(letters.upper(), "upper_case", True)
    assert not keeps(letters.lower(), "upper_case", True) and not keeps(letters.upper(), "lower_case", True)
    mixed = f"{letters}aA"
    assert not keeps(mixed, "lower_case", True) and not keeps(mixed, "upper_case", True)


@given(answer=ANSWERS, text=WORDS)
def test_an_answer_contains_a_text_or_excludes_it(answer: str, text: str):
    assert keeps(answer, "contains", text) != keeps(answer, "excludes", text)


@given(before=WORDS, text=WORDS, after=WORDS)
def test_a_text_is_found_where_it_was_put(before: str, text: str, after: str):
    assert keeps(f"{before}, {text}. {after}", "contains", text.upper().lower())
    assert keeps(f"{text}: {after}", "starts_with", text)
    assert keeps(f"{before} “{text}”!", "ends_with", text)
    assert not keeps(f"zz {text}", "starts_with", text)
    assert not keeps(f"{text} zz", "ends_with", text)


@given(texts=st.lists(WORDS, min_size=2, max_size=4))
def test_an_answer_is_one_of_the_texts_and_no_more(texts: list[str]):
    if problems({"one_of": texts}):
        return
    assert all(keeps(f"{text}.", "one_of", texts) for text in texts)
    assert not any(keeps(f"{text} zz", "one_of", texts) for text in texts)


@given(value=OBJECTS | st.lists(JSON, max_size=4), indent=st.sampled_from([None, 2]))
def test_json_is_of_one_kind_and_nothing_stands_beside_it(value: Any, indent: int | None):
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    kept = {kind for kind in ("object", "array") if keeps(text, "json", kind)}
    assert kept == ({"object" if isinstance(value, dict) else "array"} if split_words(text) else set())
    assert not keeps(f"Sure: {text}", "json", "object") and not keeps(f"{text} Done.", "json", "array")
