"""What is compared of challenger and champion: all answers that differ, in an order that chance alone decides."""

from pathlib import Path

import pytest
from example_records import question
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.head_to_head import compare_answers, oppose
from tasks.feedback.asking import choose_test_requests
from tasks.feedback.drawing import in_order_of_draw
from tasks.feedback.label_requests import NO_ANSWER
from tasks.models.generation import Generation
from tasks.records import BaseModelRef, Domain, FileRef, ModelVersion, Question
from tasks.rounds import Round

NOTHING = FileRef(sha256="0" * 64, rows=0)
WEIGHTS = {"base": "b" * 64, "champion": "c" * 64, "challenger": "d" * 64}
OPENED = Round(
    number=2,
    domain=Domain(
        name="d", questions=NOTHING, documents=NOTHING, train_questions=0, test_questions=9, shared_families=0
    ),
    champion=ModelVersion(name="d", version=1, base=BaseModelRef(id="t", path="/t", sha256="b" * 64)),
)


def arm(weights: str, texts: list[str]) -> ArmAnswers:
    said = [Generation(text=text, prompt_tokens=3, completion_tokens=2, latency_s=0.1) for text in texts]
    return ArmAnswers(weights_sha256=weights, version=None, generations=tuple(said))


def arms(champion: list[str], challenger: list[str], weights: dict[str, str] | None = None) -> dict[str, ArmAnswers]:
    texts = {"base": champion, "champion": champion, "challenger": challenger}
    return {name: arm({**WEIGHTS, **(weights or {})}[name], texts[name]) for name in texts}


def config(**asked: object) -> Config:
    settings = {"argilla": "http://x", **asked}
    return Config.model_validate({"name": "d", "questions": "q", "human_feedback": settings, "root": Path("/d")})


def questions(count: int) -> list[Question]:
    return [question(f"q{number}", split="test") for number in range(count)]


def test_equal_answers_are_left_out_and_others_stand_champion_first() -> None:
    found = compare_answers(questions(4), arms(["one", "two", "", "Four"], ["one", " two\n", "three", "four"]))
    assert [(each.question.id, each.a.text, each.b.text) for each in found] == [
        ("q2", "", "three"),
        ("q3", "Four", "four"),
    ]
    assert {each.a.weights_sha256 for each in found} == {"c" * 64}
    assert {each.b.weights_sha256 for each in found} == {"d" * 64}
    assert {(each.a.arm, each.b.arm) for each in found} == {("ft", "ft")}


def test_the_base_as_champion_is_an_arm_of_its_own_kind() -> None:
    [found] = compare_answers(questions(1), arms(["one"], ["two"], {"champion": "b" * 64}))
    assert (found.a.arm, found.b.arm) == ("base", "ft")


def test_the_same_answers_are_the_same_candidates_however_long_they_took() -> None:
    slow = arms(["one"], ["two"])
    slow["challenger"] = slow["challenger"].model_copy(
        update={"generations": (slow["challenger"].generations[0].model_copy(update={"latency_s": 9.0}),)}
    )
    [once], [again] = compare_answers(questions(1), arms(["one"], ["two"])), compare_answers(questions(1), slow)
    assert once.b.id == again.b.id != once.a.id


def test_a_challenger_with_the_champions_weights_is_compared_with_nothing() -> None:
    assert oppose(config(), OPENED, questions(1), arms(["one"], ["two"], {"challenger": "c" * 64})) == []


@given(st.integers(0, 2**16))
def test_the_order_is_a_draw_that_a_seed_decides_and_people_see_its_beginning(seed: int) -> None:
    asked = questions(12)
    drawn = oppose(config().model_copy(update={"seed": seed}), OPENED, asked, arms(["x"] * 12, ["y"] * 12))
    assert drawn == in_order_of_draw(drawn[::-1], domain="d", round_number=2, seed=seed)
    assert sorted(each.question.id for each in drawn) == sorted(each.id for each in asked)
    requests = choose_test_requests(config(test_labels=5).model_copy(update={"seed": seed}), OPENED, drawn)
    assert [request.question_id for request in requests] == [each.question.id for each in drawn[:5]]
    assert [request.priority for request in requests] == [1, 2, 3, 4, 5]


def test_each_question_is_about_as_often_among_those_people_see() -> None:
    seen = dict.fromkeys((f"q{number}" for number in range(10)), 0)
    for seed in range(600):
        settings = config(test_labels=3).model_copy(update={"seed": seed})
        drawn = oppose(settings, OPENED, questions(10), arms(["x"] * 10, ["y"] * 10))
        for request in choose_test_requests(settings, OPENED, drawn):
            seen[request.question_id] += 1
    assert all(130 <= count <= 230 for count in seen.values())  # 180 expected, 11 is one deviation


def test_people_see_the_sides_drawn_and_nothing_that_tells_whose_answer_it_is() -> None:
    settings = config(test_labels=200)
    drawn = oppose(settings, OPENED, questions(200), arms(["x"] * 200, ["y"] * 200))
    requests = choose_test_requests(settings, OPENED, drawn)
    challenger_first = sum(request.answer_a == "y" for request in requests)
    assert 70 <= challenger_first <= 130
    champions = {each.question.id: each.a for each in drawn}
    for request in requests:
        assert (request.answer_a == "x") == (request.candidate_a == champions[request.question_id].id)
        assert (request.suggestion, request.judge_confidence, request.why) == (None, None, "test")


def test_an_answer_without_a_word_is_shown_as_that() -> None:
    drawn = oppose(config(), OPENED, questions(1), arms([" "], ["two"]))
    [request] = choose_test_requests(config(test_labels=1), OPENED, drawn)
    assert {request.answer_a, request.answer_b} == {NO_ANSWER, "two"}


@pytest.mark.parametrize("asked", [{"argilla": None, "test_labels": 5}, {"test_labels": 0}, {}])
def test_nobody_is_asked_without_an_argilla_or_unless_labels_are_wanted(asked: dict[str, object]) -> None:
    drawn = oppose(config(), OPENED, questions(3), arms(["x"] * 3, ["y"] * 3))
    assert choose_test_requests(config(**asked), OPENED, drawn) == []
