"""The oracle prefers what is more like the reference, says which it does not know, and corrects what is bad."""

from collections.abc import Sequence

from example_labels import request

from tasks.feedback.oracle import OracleAnswer, answer_from_references
from tasks.settings.judging import ReferenceJudgeSettings

SETTINGS = ReferenceJudgeSettings(margin=0.5, both_bad_below=0.2)


def score(answers: Sequence[str], references: Sequence[str]) -> list[dict[str, float]]:
    """Likeness is the first digit of an answer, in tenths."""
    assert len(answers) == len(references)
    return [{"rouge_l": int(text[0]) / 10, "semantic_similarity": int(text[0]) / 10} for text in answers]


def test_the_better_answer_wins_by_however_little_and_two_bad_ones_are_corrected() -> None:
    requests = [
        request("first", a="9 x", b="8 x"),
        request("second", a="3 x", b="4 x"),
        request("equal", a="5 x", b="5 y"),
        request("bad", a="1 x", b="0 x"),
    ]
    references = {each.question_id: f"the answer to {each.question_id}" for each in requests}
    given = answer_from_references(requests, references, score, SETTINGS)
    assert [given[each.id] for each in requests] == [
        OracleAnswer("a", None),
        OracleAnswer("b", None),
        OracleAnswer("tie", None),
        OracleAnswer("both_bad", "the answer to bad"),
    ]


def test_a_question_without_a_reference_gets_no_answer() -> None:
    known, unknown, blank = request("known", a="9", b="1"), request("unknown", a="9", b="1"), request("blank")
    given = answer_from_references([unknown, known, blank], {"known": "yes", "blank": " "}, score, SETTINGS)
    assert list(given) == [known.id]
