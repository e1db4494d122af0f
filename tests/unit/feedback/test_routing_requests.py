"""What a person sees of a comparison: sides by chance, the judge's word in their order, the question alone."""

import pytest
from example_records import candidate
from example_routing import PREFERENCES, about, ask, verdict

from tasks.feedback.labels import Suggestion
from tasks.feedback.votes import turned
from tasks.records import Message, Preference


def test_sides_are_drawn_for_each_record_and_round_by_itself() -> None:
    names = [chr(ord("A") + number) for number in range(60)]
    swapped = 0
    for number in (1, 2):
        for request in ask(about(*names), round_number=number, seed=5)[0]:
            assert {(request.candidate_a, request.answer_a), (request.candidate_b, request.answer_b)} == {
                (candidate(text, request.question_id).id, text) for text in "xy"
            }
            swapped += request.candidate_a > request.candidate_b
    assert 40 <= swapped <= 80  # 60 of 120 expected, with a deviation of 5.5
    ids = [{request.id for request in ask(about("a"), round_number=number)[0]} for number in (1, 2)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("preference", PREFERENCES)
@pytest.mark.parametrize("seed", range(4))
def test_the_suggestion_is_the_judge_s_verdict_in_the_order_shown(preference: Preference, seed: int) -> None:
    (request,), _ = ask(about("a"), [verdict("a", 0.7, preference)], seed=seed)
    shown = preference if request.answer_a == "x" else turned(preference)
    assert request.suggestion == Suggestion(agent="judge:j", preference=shown, score=0.7)
    assert request.judge_confidence == 0.7


def test_of_several_judges_a_consistent_one_suggests_and_then_the_surest() -> None:
    judgements = [
        verdict("a", 0.99, "b", swap_inconsistent=True),
        verdict("a", 0.6, "tie", by="judge:k"),
        verdict("a", 0.8, "both_bad", by="judge:l"),
    ]
    (request,), _ = ask(about("a"), judgements)
    assert request.suggestion == Suggestion(agent="judge:l", preference="both_bad", score=0.8)


def test_on_the_audit_slice_nothing_is_suggested() -> None:
    (request,), _ = ask(about("a"), [verdict("a", 0.7)], budget=2, audit_share=0.5)
    assert (request.why, request.suggestion, request.judge_confidence) == ("audit", None, 0.7)


def test_people_see_the_question_and_nothing_said_to_the_model() -> None:
    (request,), _ = ask(about("a"))
    assert request.prompt == (Message(role="user", content="What is a?"),)
    assert (request.suggestion, request.judge_confidence, request.contexts) == (None, None, ())
    assert (request.round, request.arms) == (1, ("base", "base"))
