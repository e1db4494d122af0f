import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.json_objects import parse_object, shown
from tasks.errors import DomainError
from tasks.files import canonical_json
from tasks.records import Question

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
BAD_NUMBER = (
    "holds a number that JSON has no form for (NaN, Infinity or too many digits); write a smaller one, or a string."
)


@given(st.dictionaries(texts, values, max_size=5), st.booleans())
def test_any_object_comes_back_as_it_was_written(fields: dict[str, Any], escaped: bool) -> None:
    assert parse_object(json.dumps(fields, ensure_ascii=escaped)) == fields


@given(st.dictionaries(texts, values, max_size=5))
def test_an_accepted_object_survives_being_stored_in_a_record(fields: dict[str, Any]) -> None:
    metadata = parse_object(json.dumps(fields))
    question = Question(id="q", question="What?", family="q", split="train", metadata=metadata)
    assert Question.model_validate_json(canonical_json(question)) == question


@given(st.text())
def test_any_other_line_is_refused_with_one_printable_sentence(line: str) -> None:
    try:
        parse_object(line)
    except DomainError as error:
        (problem,) = error.problems
        assert problem.isprintable()
        problem.encode("utf-8")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"question": }', "is not valid JSON (Expecting value, column 14, near }); correct it."),
        ('{"question": ', "is not valid JSON (Expecting value, column 14, where it ends); correct it."),
        ("{'question': 1}", "is not valid JSON ("),
        ('{"question": "a"} x', "is not valid JSON (Extra data, column 19, near x); correct it."),
        ('["a"]', 'is a list, not an object (value ["a"]); write {"question": "…"}.'),
        ('"a"', 'is a string, not an object (value "a"); write {"question": "…"}.'),
        ("1.5", 'is a number, not an object (value 1.5); write {"question": "…"}.'),
        ("true", 'is a boolean, not an object (value true); write {"question": "…"}.'),
        ("null", 'is null, not an object (value null); write {"question": "…"}.'),
        ('{"a": 1, "a": 2}', 'has the key "a" twice (values 1 and 2); keep one.'),
        ('{"metadata": {"b": 1, "b": 1}}', 'has the key "b" twice (values 1 and 1); keep one.'),
        ('{"a": NaN}', BAD_NUMBER),
        ('{"a": -Infinity}', BAD_NUMBER),
        ('{"a": 1e999}', BAD_NUMBER),
        (f'{{"a": {"9" * 5000}}}', BAD_NUMBER),
        ('{"a": "\\ud83d"}', "holds half a character (\\ud83d without its partner); write the whole one."),
        (f'{{"a": {"[" * 60}{"]" * 60}}}', "is nested more than 50 levels deep; flatten it."),
        (f'{{"a": {"[" * 200_000}{"]" * 200_000}}}', "is nested more than 50 levels deep; flatten it."),
    ],
    ids=lambda text: text[:30],
)
def test_a_line_that_is_no_plain_object_is_refused_with_its_value(line: str, problem: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse_object(line)
    (found,) = caught.value.problems
    assert found == problem or (problem.endswith("(") and found.startswith(problem))


def test_values_in_messages_are_cut_and_safe_to_print() -> None:
    assert shown("a" * 100) == '"' + "a" * 58 + "…"
    assert shown({"z": 1, "a": [True, None]}) == '{"a":[true,null],"z":1}'
    assert shown("\x1b[2J\u202e") == '"\\u001b[2J\\u202e"'
