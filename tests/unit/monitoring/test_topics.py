"""Topics that are not answered are found, named in any script, and not mistaken for a popular topic's odd failure."""

import numpy as np
import pytest
from example_answers import answered

from tasks.monitoring.answers import ProductionAnswer
from tasks.monitoring.topics import Asked, find_topics, nearest_cosines, telling_words
from tasks.settings.monitoring import MonitorSettings

SETTINGS = MonitorSettings()
Kind = tuple[str, int, list[ProductionAnswer]]  # a text with {}, its direction, and the answers to such questions


def asked(*kinds: Kind, nearest: float = 1.0) -> Asked:
    """Questions near the axis of their kind."""
    rng = np.random.default_rng(0)
    answers, texts, vectors = [], [], []
    for text, axis, given in kinds:
        for number, answer in enumerate(given):
            answers.append(answer)
            texts.append(text.format(number))
            vectors.append(np.eye(16)[axis] + 0.02 * rng.normal(size=16))
    points = np.asarray(vectors, dtype=np.float32).reshape(-1, 16)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    return Asked(answers, texts, points, np.full(len(texts), nearest, dtype=np.float32))


def test_questions_that_the_model_abstains_from_are_a_topic_with_a_name() -> None:
    found = find_topics(
        asked(
            ("How do I return parcel {}?", 0, answered(6, abstained=True)),
            ("What is the price of lamp {}?", 1, answered(30, abstained=False)),
        ),
        SETTINGS,
    )

    (topic,) = [each.topic for each in found]
    assert (topic.questions, topic.asked, topic.abstained, topic.thumbs_down, topic.unknown) == (6, 6, 6, 0, 0)
    assert set(topic.name.split(", ")) <= {"how", "do", "i", "return", "parcel"}
    assert "parcel" in topic.name or "return" in topic.name
    assert topic.sentence == f"6 of 6 questions about {topic.name} are not answered well (6 abstained)."
    assert len(topic.examples) == 3
    assert np.linalg.norm(topic.centre) == pytest.approx(1.0, abs=1e-3)


def test_the_odd_failure_of_a_popular_topic_is_none() -> None:
    failures, successes = answered(6, rating="down"), answered(60, rating="up")

    assert find_topics(asked(("What is lamp {}?", 0, [*failures, *successes])), SETTINGS) == []


def test_questions_far_from_all_that_is_known_are_a_topic_even_when_they_are_answered() -> None:
    (found,) = find_topics(asked(("Who won the match {}?", 0, answered(5)), nearest=0.1), SETTINGS)

    assert (found.topic.unknown, found.topic.abstained) == (5, 0)
    assert len(found.questions) == 5


@pytest.mark.parametrize("number", [0, 1, 4])
def test_fewer_questions_than_make_a_topic_are_none(number: int) -> None:
    assert find_topics(asked(("How {}?", 0, answered(number, abstained=True))), SETTINGS) == []


def test_one_question_asked_five_times_is_a_topic_with_one_example() -> None:
    (found,) = find_topics(asked(("How do I return a parcel?", 0, answered(5, rating="down"))), SETTINGS)

    assert found.questions == ("How do I return a parcel?",)
    assert found.topic.thumbs_down == 5


def test_two_topics_are_two_the_larger_first() -> None:
    found = find_topics(
        asked(("parcel {}", 0, answered(5, abstained=True)), ("invoice {}", 1, answered(8, rating="down"))), SETTINGS
    )

    assert [(each.topic.questions, each.topic.name.split(", ")[0]) for each in found] == [(8, "invoice"), (5, "parcel")]


@pytest.mark.parametrize(
    ("texts", "others", "word"),
    [
        (["退货怎么办", "如何退货", "退货期限"], ["价格是多少", "灯的价格"], "退货"),
        (["كيف أرجع الطرد", "متى يصل الطرد"], ["ما السعر"], "الطرد"),
        (["ส่งคืนพัสดุ", "พัสดุอยู่ไหน"], ["ราคาเท่าไร"], "พั"),
    ],
)
def test_names_are_words_of_any_script(texts: list[str], others: list[str], word: str) -> None:
    assert word in telling_words(texts, others)


def test_texts_without_words_are_named_by_their_beginning() -> None:
    assert telling_words(["???", "!!!"], ["..."]) == "???"
    assert telling_words(["the same"], ["the same"]) == "the same"


def test_nearest_is_the_largest_cosine_and_1_where_nothing_is_known() -> None:
    vectors = np.eye(3, dtype=np.float32)
    known = np.asarray([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]], dtype=np.float32)

    assert nearest_cosines(vectors, known).tolist() == pytest.approx([1.0, 0.6, 0.8])
    assert nearest_cosines(vectors, known[:0]).tolist() == [1.0, 1.0, 1.0]
