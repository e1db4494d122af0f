"""Which questions a report shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.report_examples import choose_examples, group_by_question, sort_by_difference
from tasks.records import AnswerRow


def rows_of(differences: list[float | None]) -> list[AnswerRow]:
    """Rows of champion (score 0.5) and challenger, whose difference on question qN is the N-th."""
    rows = []
    for place, difference in enumerate(differences):
        for arm, score in (("champion", 0.5), ("challenger", None if difference is None else 0.5 + difference)):
            metrics = {} if score is None else {"rouge_l": score}
            question = {"question_id": f"q{place:02d}", "question": f"Q{place}?", "reference": "R"}
            rows.append(AnswerRow(arm=arm, answer="A", metrics=metrics, **question))
    return rows


def chosen(differences: list[float | None]) -> dict[str, list[str]]:
    groups = choose_examples(group_by_question(rows_of(differences), "rouge_l"))
    return {group.title: [example.question_id for example in group.examples] for group in groups}


@pytest.mark.parametrize(
    ("differences", "groups"),
    [
        ([], {}),
        (
            [0.1, 0.4, 0.3, 0.2, 0.0, 0.05, -0.1, -0.4],
            {
                "Biggest wins": ["q01", "q02", "q03"],
                "Biggest losses": ["q07", "q06"],
                "Typical": ["q05", "q00", "q04"],
            },
        ),
        ([0.0, 0.0, 1e-9], {"Typical": ["q00", "q01", "q02"]}),
        ([0.25], {"Biggest wins": ["q00"]}),
        ([-0.25, None], {"Biggest losses": ["q00"]}),
        ([None, None, None, None], {"The first questions": ["q00", "q01", "q02"]}),
    ],
)
def test_examples_are_the_biggest_wins_and_losses_and_those_nearest_the_median(
    differences: list[float | None], groups: dict[str, list[str]]
) -> None:
    assert chosen(differences) == groups


@given(st.lists(st.sampled_from([-0.3, -0.1, 0.0, 0.1, 0.2, 0.3]) | st.none(), max_size=20))
def test_no_question_is_shown_twice_and_losses_are_never_hidden(differences: list[float | None]) -> None:
    groups = chosen(differences)
    shown = [question for questions in groups.values() for question in questions]
    assert len(shown) == len(set(shown))
    losses = sum(difference is not None and difference < 0 for difference in differences)
    assert len(groups.get("Biggest losses", [])) == min(losses, 3)


def test_rows_are_grouped_by_question_with_every_arm() -> None:
    questions = group_by_question(rows_of([0.25, None]), "rouge_l")
    assert [question.question_id for question in questions] == ["q00", "q01"]
    assert [question.difference for question in questions] == [0.25, None]
    assert list(questions[0].answers) == ["champion", "challenger"]
    assert [difference for difference, _ in sort_by_difference(questions)] == [0.25]
