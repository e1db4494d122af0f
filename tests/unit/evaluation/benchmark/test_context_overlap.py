"""How much of an answer stands in its passages."""

import pytest

from tasks.evaluation.benchmark.context_overlap import context_overlap


@pytest.mark.parametrize(
    ("answer", "contexts", "share"),
    [
        ("It returns an iterator.", ["Returns an iterator over it."], 1.0),
        ("It returns a list.", ["Returns an iterator."], 1 / 4),
        ("one two three four", ["one", "three"], 2 / 4),  # over all passages together
        ("yes yes yes no", ["yes"], 3 / 4),  # said once supports every repetition
        ("ÜBER straße", ["über STRASSE"], 1.0),
        ("यह शब्द है", ["शब्द"], 1 / 3),
        ("", ["anything"], 0.0),
        ("...!", ["anything"], 0.0),
        ("words", [], 0.0),
        ("words", [""], 0.0),
    ],
)
def test_the_share_of_the_answers_words_in_its_passages(answer: str, contexts: list[str], share: float) -> None:
    assert context_overlap(answer, contexts) == pytest.approx(share)
