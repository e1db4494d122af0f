"""An answer that grows: what was shown is never taken back, and all of it together is the finished text."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.serve.texts import AnswerText

PIECES = st.lists(
    st.sampled_from(["a", " ", "\n", "It", " is", "[", "1", "]", " [2]", ", ", ".", "END", "E", "ND", "ü"])
)


def grown(pieces: Sequence[str], stops: Sequence[str] = (), *, cites: bool = False) -> tuple[AnswerText, str]:
    """The answer after these pieces, each a token, and what was shown of it until it ended."""
    text = AnswerText(lambda ids: "".join(pieces[token] for token in ids), stops, cites=cites)
    shown = ""
    for token in range(len(pieces)):
        text.add(token, is_end=False)
        if text.ended:
            break
        shown += text.news()
    return text, shown + text.rest()


@given(PIECES, st.lists(st.sampled_from(["END", "\n", " is", "a "]), max_size=2, unique=True), st.booleans())
def test_what_was_shown_is_the_finished_text(pieces: list[str], stops: list[str], cites: bool) -> None:
    text, shown = grown(pieces, stops, cites=cites)

    finished, _ = text.finished()
    assert shown == finished == finished.strip()
    assert not any(stop in finished for stop in stops)


@given(PIECES)
def test_without_stops_and_citations_the_whole_text_is_kept(pieces: list[str]) -> None:
    text, shown = grown(pieces)

    assert shown == "".join(pieces).strip()
    assert not text.ended and len(text.ids) == len(pieces)


@pytest.mark.parametrize(
    ("pieces", "stops", "expected"),
    [
        (["One.", "\n", "Two."], ["\n"], "One."),
        (["One", " E", "N", "D two"], ["END"], "One"),
        (["One", " E", "N", "O"], ["END"], "One ENO"),
        (["\n", "One"], ["\n"], ""),
        (["a b", "c"], ["c", "b"], "a"),
    ],
)
def test_an_answer_ends_before_the_first_stop(pieces: list[str], stops: list[str], expected: str) -> None:
    text, shown = grown(pieces, stops)

    assert shown == text.finished()[0] == expected
    assert text.ended == (expected != "One ENO")


def test_half_a_character_is_not_shown() -> None:
    halves = "ü".encode()
    text = AnswerText(lambda ids: halves[: len(ids)].decode(errors="replace"), (), cites=False)
    text.add(0, is_end=False)
    assert text.news() == ""
    text.add(1, is_end=False)
    assert text.news() == "ü"


def test_citations_at_the_end_are_told_apart_and_never_shown() -> None:
    text, shown = grown(["It is", " x[", "1", "]", ".", " [2]", " [1]"], cites=True)

    assert text.finished() == ("It is x[1].", (2, 1))
    assert shown == "It is x[1]."


def test_an_end_token_ends_it() -> None:
    text = AnswerText(lambda ids: "a" * len(ids), (), cites=False)
    text.add(5, is_end=True)
    assert text.ended
