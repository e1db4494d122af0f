"""Citations at the end of an answer: what is added is found again, and what only looks like one stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.models.citations import add_citations, split_citations


@pytest.mark.parametrize(
    ("answer", "text", "numbers"),
    [
        ("It joins iterables. [1]", "It joins iterables.", (1,)),
        ("It joins iterables [2].", "It joins iterables.", (2,)),
        ("It joins. [1] [3]", "It joins.", (1, 3)),
        ("It joins. [1][3]", "It joins.", (1, 3)),
        ("It joins. [3, 1]\n", "It joins.", (3, 1)),
        ("It joins. [1] [1]", "It joins.", (1,)),
        ("यह जोड़ता है। [2]", "यह जोड़ता है।", (2,)),
        ("それは結合します [1]。", "それは結合します。", (1,)),
        ("It joins iterables.", "It joins iterables.", ()),
        ("It returns x[1]", "It returns x[1]", ()),
        ("See [1] for more.", "See [1] for more.", ()),
        ("Lists such as [1000]", "Lists such as [1000]", ()),
        ("An array [1.5]", "An array [1.5]", ()),
        ("[1]", "[1]", ()),
        (" [1]", " [1]", ()),
        ("", "", ()),
    ],
)
def test_citations_are_told_from_text(answer: str, text: str, numbers: tuple[int, ...]) -> None:
    assert split_citations(answer) == (text, numbers)


@given(
    text=st.text(alphabet="ab .\n1नि結", min_size=1).map(str.strip).filter(bool),
    numbers=st.sets(st.integers(1, 999), min_size=1, max_size=4),
)
def test_what_is_added_is_found_again(text: str, numbers: set[int]) -> None:
    assert split_citations(add_citations(text, numbers)) == (text, tuple(sorted(numbers)))


@given(st.text())
def test_splitting_a_second_time_keeps_the_text(text: str) -> None:
    kept, numbers = split_citations(text)
    assert (kept == text.rstrip()) or numbers


def test_without_a_number_nothing_is_added() -> None:
    assert add_citations("It joins.", ()) == "It joins."
