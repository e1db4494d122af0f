"""Why a draft is left out, as far as its words tell."""

import pytest

from tasks.synthetic_questions.answerability import news, points_elsewhere, reason_against, support
from tasks.synthetic_questions.drafts import Draft

TEXT = "A ratchet is a device that turns one way. It has a pawl and a wheel with teeth."


def draft(**changes: object) -> Draft:
    values = {
        "question": "What is a ratchet?",
        "answer": "A ratchet is a device that turns one way.",
        "document_id": "a.md",
        "start": 0,
        "end": 41,
        "writer": "template definition",
    }
    return Draft.model_validate({**values, **changes})


def test_a_sound_draft_has_nothing_against_it() -> None:
    assert reason_against(draft(), {"a.md": TEXT}) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"document_id": "b.md"}, "evidence_not_in_the_document"),
        ({"start": 41}, "evidence_not_in_the_document"),
        ({"end": len(TEXT) + 1}, "evidence_not_in_the_document"),
        ({"question": "Ratchet?"}, "too_short_or_too_long"),
        ({"question": "What is a ratchet " * 20}, "too_short_or_too_long"),
        ({"answer": "…"}, "too_short_or_too_long"),
        ({"answer": "device way " * 50}, "too_short_or_too_long"),
        ({"answer": "It has a pawl and a wheel with teeth."}, "answer_not_in_the_evidence"),
        ({"start": 42, "end": 79}, "answer_not_in_the_evidence"),
        ({"question": "What is it?"}, "question_that_points_elsewhere"),
        ({"question": "Which device turns one way, that is a ratchet?"}, "answered_by_the_question"),
    ],
)
def test_a_draft_at_fault_is_left_out_for_its_reason(changes: dict[str, object], reason: str) -> None:
    assert reason_against(draft(**changes), {"a.md": TEXT}) == reason


@pytest.mark.parametrize(
    ("answer", "evidence", "share"),
    [
        ("turns one\nway", "It turns  one way.", 1.0),
        ("It turns two ways", "It turns one way", 0.5),
        ("nothing alike", "It turns", 0.0),
        ("किताबें यहाँ हैं", "किताबें यहाँ नहीं हैं", 1.0),
        ("🙂", "no words", 0.0),
    ],
)
def test_support_is_the_share_of_the_answers_words_in_the_evidence(answer: str, evidence: str, share: float) -> None:
    assert support(answer, evidence) == share


def test_news_is_the_share_of_the_answers_words_that_the_question_lacks() -> None:
    assert news("Paris", "What is the capital of France?") == 1.0
    assert news("The capital of France is Paris", "What is the capital of France?") == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    "question",
    [
        "What does it do?",
        "What is this?",
        "Why is that so?",
        "What does this function return?",
        "What is the purpose of these methods?",
        "What does the passage say about ratchets?",
        "According to the document, what turns one way?",
        "What is the result?",
        "What is the token?",
        "What are the pawls mentioned above?",
        "What do they have in common with ratchets?",
        "What is the return value?",
        "How is the following option used?",
    ],
)
def test_a_question_that_leaves_open_what_it_is_about(question: str) -> None:
    assert points_elsewhere(question)


@pytest.mark.parametrize(
    "question",
    [
        "What does a ratchet do when it is worn?",
        "What is `list`?",
        "What is the return value in `io.open`?",
        "What is Ratchet?",
        "What is the frozen test set?",
        "How do I document a function?",
        "What happens to the text of a document when it is cut?",
        "Was ist eine Domäne?",
        "भरतनाट्यम क्या है?",
        "榫卯是什么？",
        "What does “Arm” mean?",
    ],
)
def test_a_question_that_stands_alone(question: str) -> None:
    assert not points_elsewhere(question)
