"""The labelling page as data: what a record shows and hides, and which edits would change the meaning of an answer."""

import copy
import dataclasses
import html
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import ArgillaError
from tasks.feedback.argilla_settings import (
    CHOICES,
    GUIDELINES_LIMIT,
    MESSAGE_LIMIT,
    PREFERENCES,
    Schema,
    check_guidelines,
    dataset_schema,
    default_guidelines,
    differences,
    fields_of,
    record_of,
)
from tasks.feedback.labels import LabelRequest, Suggestion
from tasks.records import Message, Preference

QUESTION_IDS = {"preference": "id of preference", "correction": "id of correction", "reason": "id of reason"}


def make_request(**changes: Any) -> LabelRequest:
    fields: dict[str, Any] = {
        "id": "1" * 64,
        "round": 2,
        "question_id": "q1",
        "prompt": (Message(role="user", content="What is it?"),),
        "candidate_a": "a" * 64,
        "candidate_b": "b" * 64,
        "answer_a": "It is this.",
        "answer_b": "It is that.",
        "arms": ("rag_ft", "base"),
        "why": "unsure",
        "priority": 7,
        "suggestion": Suggestion(agent="judge:reference", preference="both_bad", score=0.5),
        "judge_confidence": 1,
    }
    return LabelRequest(**(fields | changes))


def test_a_record_holds_the_request() -> None:
    assert record_of(make_request(), QUESTION_IDS, audit=False) == {
        "external_id": "1" * 64,
        "fields": {
            "prompt": [{"role": "user", "content": "What is it?"}],
            "answer_a": "It is this.",
            "answer_b": "It is that.",
        },
        "metadata": {
            "round": 2,
            "priority": 7,
            "why": "unsure",
            "arms": ["base", "rag_ft"],
            "candidate_a": "a" * 64,
            "candidate_b": "b" * 64,
            "judge_confidence": 1.0,
        },
        "suggestions": [
            {
                "question_id": "id of preference",
                "value": "both_bad",
                "agent": "judge:reference",
                "score": 0.5,
                "type": "model",
            }
        ],
    }


def test_a_confidence_is_a_float_for_argilla_refuses_an_integer() -> None:
    metadata = record_of(make_request(judge_confidence=1), QUESTION_IDS, audit=False)["metadata"]
    assert isinstance(metadata["judge_confidence"], float)
    assert "judge_confidence" not in record_of(make_request(judge_confidence=None), QUESTION_IDS, False)["metadata"]


def test_no_suggestion_is_shown_on_the_audit_slice_or_where_no_judge_spoke() -> None:
    assert "suggestions" not in record_of(make_request(), QUESTION_IDS, audit=True)
    assert "suggestions" not in record_of(make_request(suggestion=None), QUESTION_IDS, audit=False)


def test_the_arms_in_a_record_do_not_tell_which_answer_is_whose() -> None:
    one = record_of(make_request(arms=("rag_ft", "base")), QUESTION_IDS, audit=False)
    other = record_of(make_request(arms=("base", "rag_ft")), QUESTION_IDS, audit=False)
    assert one == other


@pytest.mark.parametrize("preference", get_args(Preference))
def test_a_suggestion_is_a_choice_of_the_page_and_comes_back_as_the_same_preference(preference: Preference) -> None:
    suggestion = Suggestion(agent="judge:x", preference=preference, score=1)
    record = record_of(make_request(suggestion=suggestion), QUESTION_IDS, audit=False)
    [question] = [each for each in dataset_schema(False).questions if each["name"] == "preference"]
    value = record["suggestions"][0]["value"]
    assert value in {option["value"] for option in question["settings"]["options"]}
    assert PREFERENCES[value] == preference


@pytest.mark.parametrize("with_contexts", [False, True])
def test_the_schema_has_a_field_for_every_part_of_a_record(with_contexts: bool) -> None:
    schema = dataset_schema(with_contexts)
    contexts = ("One.", "Two.") if with_contexts else ()
    record = record_of(make_request(contexts=contexts), QUESTION_IDS, audit=False)
    assert set(record["fields"]) == {field["name"] for field in schema.fields}
    assert set(record["metadata"]) == {item["name"] for item in schema.metadata}
    assert {item["name"] for item in schema.metadata if item["visible_for_annotators"]} == {"round", "priority"}
    assert set(QUESTION_IDS) == {question["name"] for question in schema.questions}


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_text_holds_no_markup_and_reads_as_it_was_written(text: str) -> None:
    fields = fields_of(make_request(answer_a=text, contexts=(text,)))
    for shown, written in ((fields["answer_a"], text), (fields["context"], f"[1] {text}")):
        assert "<" not in shown and ">" not in shown
        assert not re.search(r"&(?!amp;|lt;|gt;)", shown)
        restored = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert restored == written


def test_a_nul_character_is_replaced_for_postgresql_cannot_hold_it() -> None:
    assert fields_of(make_request(answer_a="a\0b"))["answer_a"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", []),
        ("x", [1]),
        ("x" * MESSAGE_LIMIT, [MESSAGE_LIMIT]),
        ("x" * (MESSAGE_LIMIT + 1), [MESSAGE_LIMIT, 1]),
        ("x" * (MESSAGE_LIMIT - 2) + "&&", [MESSAGE_LIMIT - 2, 10]),
        ("x" * (MESSAGE_LIMIT - 5) + "&y", [MESSAGE_LIMIT, 1]),
        ("&" * MESSAGE_LIMIT, [MESSAGE_LIMIT] * 5),
        ("<" * 7000, [MESSAGE_LIMIT, 8000]),
    ],
)
def test_a_long_message_is_shown_in_parts_that_cut_no_character_in_two(text: str, lengths: list[int]) -> None:
    chat = fields_of(make_request(prompt=(Message(role="user", content=text),)))["prompt"]
    assert [len(part["content"]) for part in chat] == lengths
    assert "".join(html.unescape(part["content"]) for part in chat) == text


def test_more_messages_than_argilla_shows_are_refused() -> None:
    prompt = tuple(Message(role="user", content=str(place)) for place in range(501))
    with pytest.raises(ArgillaError, match="question 'q1' has 501 messages, and Argilla shows 500: shorten it"):
        fields_of(make_request(prompt=prompt))


def edited(change: Callable[[Any], object]) -> Schema:
    """The schema as Argilla would give it after somebody's edit."""
    parts = copy.deepcopy(dataclasses.asdict(dataset_schema(with_contexts=True)))
    change(parts)
    return Schema(**parts)


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)


def test_a_schema_differs_from_itself_in_nothing() -> None:
    assert differences(dataset_schema(True), edited(lambda parts: None)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda parts: parts["questions"].pop(0), "question 'preference' is missing"),
        (lambda parts: parts["fields"].pop(), "field 'answer_b' is missing"),
        (lambda parts: parts["metadata"].pop(), "metadata 'candidate_b' is missing"),
        (lambda parts: parts["fields"].append(parts["fields"][0] | {"name": "hint"}), "field 'hint' was added"),
        (
            lambda parts: named(parts["questions"], "reason").update(required=True),
            "question 'reason' has required True instead of False",
        ),
        (
            lambda parts: named(parts["fields"], "answer_b").update(title="Answer A"),
            "field 'answer_b' has title 'Answer A' instead of 'Answer B'",
        ),
        (
            lambda parts: named(parts["metadata"], "why").update(visible_for_annotators=True),
            "metadata 'why' has visible_for_annotators True instead of False",
        ),
        (
            lambda parts: named(parts["questions"], "preference")["settings"]["options"].pop(),
            "question 'preference' has options {'a': 'Answer A is better', 'b': 'Answer B is better', "
            "'both_good': 'Both are good'} instead of {",
        ),
        (
            lambda parts: named(parts["questions"], "correction")["settings"].update(type="rating"),
            "question 'correction' has type 'rating' instead of 'text'",
        ),
    ],
)
def test_an_edit_that_changes_the_meaning_is_named(change: Callable[[Any], object], told: str) -> None:
    [difference] = differences(dataset_schema(True), edited(change))
    assert difference.startswith(told)


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: named(parts["questions"], "preference").update(title="Welche ist besser?"),
        lambda parts: named(parts["questions"], "correction").update(description=None),
        lambda parts: named(parts["fields"], "answer_a")["settings"].update(use_markdown=True),
        lambda parts: parts["metadata"].append(parts["metadata"][0] | {"name": "theirs"}),
        lambda parts: named(parts["questions"], "preference")["settings"]["options"].reverse(),
        lambda parts: parts["fields"].reverse(),
    ],
)
def test_an_edit_that_changes_nothing_of_the_meaning_is_theirs(change: Callable[[Any], object]) -> None:
    assert differences(dataset_schema(True), edited(change)) == []


def test_the_guidelines_name_the_domain_and_the_choices_as_the_page_words_them() -> None:
    text = default_guidelines("python {stdlib}")
    assert "**python {stdlib}**" in text
    assert all(f"**{shown}**" in text for _, shown in CHOICES.values())
    assert check_guidelines(text) == text


@pytest.mark.parametrize("text", ["", "   \n", "x" * (GUIDELINES_LIMIT + 1)])
def test_guidelines_that_argilla_does_not_take_are_refused(text: str) -> None:
    with pytest.raises(ArgillaError, match=rf"have {len(text)} characters, and Argilla takes 1 to 10000: change"):
        check_guidelines(text)


def test_nothing_here_imports_argilla_until_it_is_used() -> None:
    modules = ["argilla_store", "argilla_people", "argilla_webhooks", "argilla_datasets", "argilla_settings"]
    code = (
        f"import sys; {'; '.join(f'import tasks.feedback.{name}' for name in modules)}; print('argilla' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "False"
