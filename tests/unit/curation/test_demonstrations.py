"""Demonstrations come from reference answers and corrections of train questions, each once."""

import polars as pl
import pytest
from example_frames import questions_frame
from example_records import question

from tasks.curation.demonstrations import REASONS, drop_duplicate_demonstrations, propose_demonstrations
from tasks.curation.naming import name_rows
from tasks.curation.tallies import tally, total
from tasks.feedback.event_frames import whole_frame
from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Demonstration, Feedback, Message, Question

A, B = "a" * 64, "b" * 64
NOTHING_DROPPED = dict.fromkeys(REASONS, 0)


def build_demonstrations(
    questions: list[Question], feedback: list[Feedback], system_prompt: str
) -> tuple[list[Demonstration], dict[str, int]]:
    """The demonstrations as records, and what was left out."""
    proposed = propose_demonstrations(questions_frame(questions), whole_frame(feedback))
    screened = drop_duplicate_demonstrations(proposed.rows)
    named = name_rows(screened.kept, "demonstration", system_prompt)
    records = [Demonstration.model_validate_json(line) for line in named["line"]]
    return records, total(pl.concat([proposed.dropped, tally(screened.removed)]), REASONS)


def correction(text: str | None, name: str = "q", annotator: str = "ann", by: str = "human") -> Feedback:
    return Feedback(
        id=sha256_of([name, annotator, by]),
        question_id=name,
        candidate_a=A,
        candidate_b=B,
        preference="both_bad",
        source=by,
        annotator=annotator,
        correction=text,
        round=1,
    )


@pytest.mark.parametrize(
    ("system_prompt", "roles"), [("Be brief.", ["system", "user"]), ("", ["user"]), (" \n", ["user"])]
)
def test_the_prompt_has_a_system_message_when_there_is_something_to_say(system_prompt: str, roles: list[str]) -> None:
    messages = build_messages(system_prompt, " What? ")
    assert [message.role for message in messages] == roles
    assert messages[-1] == Message(role="user", content=" What? ")


def test_a_train_question_with_an_answer_is_a_demonstration() -> None:
    rows, dropped = build_demonstrations([question(answer=" yes\n")], [], "Be brief.")
    prompt = build_messages("Be brief.", "What is q?")
    assert [(row.prompt, row.completion, row.source) for row in rows] == [(prompt, "yes", "reference")]
    assert (rows[0].question_id, rows[0].family) == ("q", "q")
    assert dropped == NOTHING_DROPPED


@pytest.mark.parametrize(
    ("questions", "feedback", "completions", "dropped"),
    [
        ([question(answer=None)], [], [], {}),
        ([question(answer=" ")], [], [], {"references_blank": 1}),
        ([question(split="test")], [], [], {}),
        ([question()], [correction(None)], ["yes"], {}),
        ([question()], [correction("better")], ["better"], {"references_replaced_by_corrections": 1}),
        ([question()], [correction("better", by="oracle")], ["better"], {"references_replaced_by_corrections": 1}),
        ([question()], [correction("mine", by="end_user")], ["mine", "yes"], {}),
        ([question()], [correction("mine", by="judge:j")], ["mine", "yes"], {}),
        (
            [question()],
            [correction("mine", by="end_user"), correction("better")],
            ["better", "mine"],
            {"references_replaced_by_corrections": 1},
        ),
        ([question()], [correction("\x1f", by="end_user")], ["yes"], {"corrections_blank": 1}),
        ([question(answer=None)], [correction("better")], ["better"], {}),
        ([question()], [correction(" ")], ["yes"], {"corrections_blank": 1}),
        ([question(split="test")], [correction("better")], [], {"corrections_on_test_questions": 1}),
        ([question()], [correction("better", "gone")], ["yes"], {"corrections_on_unknown_questions": 1}),
        (
            [question(answer=None)],
            [correction("one", annotator="x"), correction("two", annotator="y")],
            ["one", "two"],
            {},
        ),
        (
            [question(answer=None)],
            [correction("same answer", annotator="x"), correction("same  answer", annotator="y")],
            ["same answer"],
            {"demonstrations_duplicate": 1},
        ),
        (
            [question("q1", text="Same?"), question("q2", text="Same?")],
            [],
            ["yes"],
            {"demonstrations_duplicate": 1},
        ),
        ([question("q1"), question("q2")], [], ["yes", "yes"], {}),
    ],
)
def test_each_row_is_kept_once_or_dropped_and_counted(
    questions: list[Question], feedback: list[Feedback], completions: list[str], dropped: dict[str, int]
) -> None:
    rows, counted = build_demonstrations(questions, feedback, "")
    backwards, _ = build_demonstrations(questions[::-1], feedback[::-1], "")
    assert [row.completion.replace("  ", " ") for row in sorted(rows, key=lambda row: row.completion)] == completions
    assert counted == NOTHING_DROPPED | dropped
    assert backwards == rows == sorted(rows, key=lambda row: row.id)


def test_a_correction_names_the_feedback_it_came_from() -> None:
    row = correction("better")
    (demonstration,), _ = build_demonstrations([question()], [row], "")
    assert (demonstration.source, demonstration.feedback) == (f"correction:{row.id}", (row.id,))


def test_the_same_correction_by_two_people_names_both() -> None:
    rows = [correction("same", annotator=name) for name in "xy"]
    (demonstration,), _ = build_demonstrations([question()], rows, "")
    assert demonstration.feedback == tuple(sorted(row.id for row in rows))
    assert demonstration.source == f"correction:{demonstration.feedback[0]}"


def test_the_id_covers_prompt_and_completion_alone() -> None:
    def only_id(answer: str, name: str = "q", system_prompt: str = "") -> str:
        return build_demonstrations([question(name, answer, text="What?")], [], system_prompt)[0][0].id

    assert only_id("yes") == only_id("yes", "another")
    assert len({only_id("yes"), only_id("no"), only_id("yes", system_prompt="Be brief.")}) == 3
