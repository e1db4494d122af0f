"""Small losses do not add up: a challenger is held to the best champion so far, on the questions of today."""

from collections.abc import Sequence

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_models import BASE
from example_skills import skill_test
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.forgetting import (
    Asked,
    Known,
    Skill,
    best_so_far,
    ledger,
    measure_loss,
    replay_share,
    worst_loss,
)
from tasks.records import ModelVersion
from tasks.settings.training import ReplaySettings

SKILL = Skill("unit=metres", "rouge_l", margin=0.05)
CHAMPION = ModelVersion(name="demo", version=1, base=BASE)


def scores(values: Sequence[float], text: str = "?") -> dict[Asked, float]:
    return {(str(place), text, "r"): value for place, value in enumerate(values)}


def test_ten_losses_within_the_margin_do_not_add_up_to_one_of_eight_margins():
    """Each round's challenger does 0.04 worse than its champion on 1,000 questions, where 0.05 would matter."""
    level, questions = 0.9, 1000
    best, champions, champion = 0.9, list[Known](), Known(1, scores([level] * questions))
    for number in range(10):
        challenger = {asked: score - 0.04 for asked, score in champion.scores.items()}
        # Against its own champion alone, each of them would pass.
        assert measure_loss(SKILL, challenger, champion, [], 0.05).held
        if measure_loss(SKILL, challenger, champion, champions, 0.05).held:
            champions.append(champion)
            champion = Known(number + 2, challenger)
    assert champion.mean > best - SKILL.margin
    assert champion.version == 2


def test_the_best_champion_is_the_reference_and_the_last_one_of_equals():
    now = Known(5, scores([0.5, 0.5]))
    assert best_so_far(now, [Known(2, scores([0.9, 0.3])), Known(3, scores([0.6, 0.5]))]).version == 2
    assert best_so_far(now, [Known(2, scores([0.6, 0.4])), Known(3, scores([0.5, 0.4]))]) == now


def test_what_an_earlier_champion_was_not_asked_is_filled_in_with_the_champions_score():
    now = Known(5, scores([0.5, 0.5, 0.5]))
    assert best_so_far(now, [Known(2, scores([0.8]))]) == Known(2, scores([0.8, 0.5, 0.5]))
    # The same ids with another text are other questions.
    assert best_so_far(now, [Known(2, scores([0.8, 0.8, 0.8], "another?"))]) == now


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8),
    st.lists(st.lists(st.floats(0.0, 1.0), max_size=10), max_size=5),
)
def test_the_reference_never_does_worse_than_the_champion_and_answers_the_same_questions(
    champion: list[float], earlier: list[list[float]]
):
    now = Known(9, scores(champion))
    best = best_so_far(now, [Known(number, scores(each)) for number, each in enumerate(earlier, start=1)])
    assert best.mean >= now.mean
    assert best.scores.keys() == now.scores.keys()


def test_a_test_says_on_how_many_questions_it_rests_and_how_many_it_takes():
    test = measure_loss(SKILL, scores([0.4] * 10), Known(1, scores([0.5] * 12)), [Known(3, scores([0.7] * 12))], 0.05)
    assert (test.questions, test.enough, test.held) == (10, 88, False)
    assert (test.challenger, test.champion, test.reference) == pytest.approx((0.4, 0.5, 0.7))
    assert (test.reference_version, test.loss) == (3, pytest.approx(6.0))


def test_nothing_in_common_proves_nothing_and_is_an_error():
    with pytest.raises(ValueError, match="challenger and champion share no question of unit=metres"):
        measure_loss(SKILL, scores([0.5], "other?"), Known(1, scores([0.5])), [], 0.05)


def test_the_ledger_has_a_row_for_each_round_and_skill():
    second = gate_evidence(
        skills=(skill_test(challenger=0.4, reference=0.6, reference_version=3), skill_test(skill="b"))
    )
    decisions = [
        promotion_decision(CHAMPION, CHAMPION, round=1),
        promotion_decision(CHAMPION, CHAMPION, round=2, evidence=second),
    ]
    rows = ledger(decisions)
    assert [(row.round, row.skill, row.promoted) for row in rows] == [(2, "unit=metres", True), (2, "b", True)]
    assert (rows[0].from_champion, rows[0].from_best, rows[0].best_version) == (
        pytest.approx(-0.1),
        pytest.approx(-0.2),
        3,
    )


def test_the_worst_loss_is_counted_in_margins():
    near = skill_test(skill="near", challenger=0.3, reference=0.5, margin=0.4)
    far = skill_test(skill="far", challenger=0.4, reference=0.5, margin=0.1)
    assert worst_loss([near, far]) == far
    assert worst_loss([skill_test()]) is None


@pytest.mark.parametrize(("loss", "share"), [(0.0, 0.1), (0.5, 0.2), (1.0, 0.3), (7.0, 0.3)])
def test_the_share_that_is_repeated_grows_with_the_loss_up_to_one_margin(loss: float, share: float):
    assert replay_share(loss, ReplaySettings(base_share=0.1, max_share=0.3)) == pytest.approx(share)


def test_with_the_defaults_nothing_is_repeated_where_nothing_was_lost():
    assert replay_share(0.0, ReplaySettings()) == 0.0
