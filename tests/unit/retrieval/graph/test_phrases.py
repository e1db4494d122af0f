"""What a text names: tables of cases in several scripts, and what must hold of any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.retrieval.graph.phrases import Kind, find_phrases, key_of, phrases_of_question, title_of

NAMED = [
    ("The lamp was built by Orrin Vasque in spring.", {"orrin vasque"}),
    ("It lies in the Bay of Salt, not far from Saint-Malo.", {"bay", "salt", "bay of salt", "saint malo"}),
    ("We saw Orrin's boat and Vasque’s lamp.", {"orrin", "vasque"}),
    ("They take Route 66 to the\nGreat Fen.", {"route 66", "great fen", "route 66 to the great fen"}),
    ("Call os.path.join, or read_csv, or myFunction.", {"os path join", "read csv", "myfunction"}),
    ("See `dict` and ``functools.partial``.", {"dict", "functools partial"}),
    ('they call it the "soft war", or „der leise Krieg“.', {"soft war", "der leise krieg", "krieg"}),
    ("wir sahen die Brücke von Großenkneten.", {"brücke", "grossenkneten", "brücke von grossenkneten"}),
    ("потом приехал Иван Петров домой", {"иван петров"}),
    ("यह दिल्ली शहर है", {"यह", "दिल्ली", "शहर", "है"}),
    ("東京は首都", {"東京", "京は", "は首", "首都"}),
    ("nothing is named here, at 12:30.", set()),
    ("", set()),
]


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_names_code_quotations_and_words_without_capitals_are_found(text: str, expected: set[str]) -> None:
    assert {key for key, kind in find_phrases(text, ()).items() if kind > Kind.INITIAL} == expected


INITIAL = [
    ("Rope is sold there.", {"rope": Kind.INITIAL}),
    ("It rains. Rope is sold.", {"it": Kind.INITIAL, "rope": Kind.INITIAL}),
    ("- Rope\n- “Tar”\n", {"tar": Kind.NAME, "rope": Kind.INITIAL}),
    ("When Orrin Vasque came", {"when orrin vasque": Kind.INITIAL, "orrin vasque": Kind.NAME}),
    ("Rope! They praised Rope.", {"rope": Kind.NAME, "they": Kind.INITIAL}),
]


@pytest.mark.parametrize(("text", "expected"), INITIAL)
def test_the_first_word_of_a_sentence_is_perhaps_no_name(text: str, expected: dict[str, Kind]) -> None:
    assert find_phrases(text, ()) == expected


def test_a_title_is_known_with_and_without_its_first_word() -> None:
    found = find_phrases("it stands there.", ["The Lantern House"])
    assert found == {"the lantern house": Kind.TITLE, "lantern house": Kind.NAME}


TITLES = [
    ("a.md", "# Old *Mill*\n\nIt turns.", "Old *Mill*"),
    ("a.rst", "Old Mill\n========\n\nIt turns.", "Old Mill"),
    ("a.txt", "itertools.accumulate\n\nReturn sums.", "itertools.accumulate"),
    ("a.md", "It turns.\n\n# Old Mill\n", None),
    ("a.txt", "It turns.\n\nAnd turns.", None),
    ("a.txt", "a line that goes on\nin the next one", None),
    ("a.txt", "", None),
]


@pytest.mark.parametrize(("name", "text", "expected"), TITLES)
def test_a_title_is_the_first_heading_or_a_line_of_its_own(name: str, text: str, expected: str | None) -> None:
    assert (title_of(name, text) or None) == expected


def test_keys_are_the_same_however_a_name_is_written() -> None:
    assert key_of("Orrin  VASQUE's") == key_of("orrin\nvasque") == "orrin vasque"
    assert key_of("…") == ""


def test_a_question_has_words_and_pairs_of_letters() -> None:
    assert phrases_of_question("Who is Orrin's cook?") == (["who", "is", "orrin", "cook"], [])
    assert phrases_of_question("東京?") == (["東", "京"], ["東京"])


@given(st.text(), st.lists(st.text(), max_size=3))
def test_any_text_gives_keys_of_words(text: str, titles: list[str]) -> None:
    found = find_phrases(text, titles)
    assert all(key == key.strip() and key for key in found)
    title = title_of("a.txt", text)
    assert title is None or title in text
