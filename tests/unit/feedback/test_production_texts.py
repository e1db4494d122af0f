"""The question and the answer are found in what applications trace, and what cannot be learned from is named."""

from typing import Any

import pytest

from tasks.feedback.production_texts import (
    NO_ANSWER,
    NO_QUESTION,
    NOT_ONLY_TEXT,
    SEVERAL_ANSWERS,
    SEVERAL_TURNS,
    Unusable,
    answer_in,
    question_in,
)

SYSTEM = {"role": "system", "content": "Be brief."}
ASKED = {"role": "user", "content": "Why?"}
GREETING = {"role": "assistant", "content": "How can I help?"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:"}}


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ("Why?", "Why?"),
        ({"question": "Why?", "k": 2}, "Why?"),
        ({"query": "Why?", "user_id": "u"}, "Why?"),
        ({"whatever": "Why?", "top_k": 3}, "Why?"),
        ({"messages": [SYSTEM, GREETING, ASKED], "model": "m", "temperature": 0.1}, "Why?"),
        ({"request": {"messages": [ASKED]}}, "Why?"),
        ([SYSTEM, ASKED], "Why?"),
        ({"model": "m", "input": "Why?", "instructions": "Be brief."}, "Why?"),
        ({"model": "m", "input": [ASKED]}, "Why?"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}, "Why?"),
        ({"messages": [ASKED, GREETING, ASKED]}, SEVERAL_TURNS),
        ({"messages": [SYSTEM]}, NO_QUESTION),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]}, NOT_ONLY_TEXT),
        ({"messages": [{"role": "user", "content": []}]}, NO_QUESTION),
        ({"left": "a", "right": "b"}, NO_QUESTION),
        ({"k": 2}, NO_QUESTION),
        ({}, NO_QUESTION),
        (None, NO_QUESTION),
        (7, NO_QUESTION),
        ([], NO_QUESTION),
    ],
)
def test_the_question_that_was_asked(inputs: Any, found: str | Unusable) -> None:
    assert question_in(inputs) == found


@pytest.mark.parametrize(
    ("outputs", "found"),
    [
        ("That.", "That."),
        ({"answer": "That.", "sources": ["a"]}, "That."),
        ({"choices": [{"index": 0, "message": {"role": "assistant", "content": "That."}}], "usage": {}}, "That."),
        ({"choices": [{"text": "That."}]}, "That."),
        ({"role": "assistant", "content": "That."}, "That."),
        ({"role": "assistant", "content": [{"type": "output_text", "text": "That."}]}, "That."),
        ({"id": "r", "output": [{"type": "reasoning"}, {"role": "assistant", "content": "That."}]}, "That."),
        ({"messages": [ASKED, {"role": "assistant", "content": "That."}]}, "That."),
        (["Th", "at."], "That."),
        ({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]}, SEVERAL_ANSWERS),
        ({"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [{}]}}]}, NO_ANSWER),
        ({"choices": []}, NO_ANSWER),
        ({"choices": ["That."]}, NO_ANSWER),
        ({"score": 0.5, "label": 3}, NO_ANSWER),
        ({}, NO_ANSWER),
        ([], NO_ANSWER),
        (None, NO_ANSWER),
    ],
)
def test_the_answer_that_was_given(outputs: Any, found: str | Unusable) -> None:
    assert answer_in(outputs) == found
