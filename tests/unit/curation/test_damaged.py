"""Answers that were decoded wrongly are not taught."""

import pytest
from example_rows import assert_lawful, demonstration, pair, rated, rows_frame
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.curation.filters.damaged import READS, drop_damaged
from tasks.domain.text_damage import damage

MOJIBAKE = "Größe".encode().decode("cp1252")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (MOJIBAKE, r"letters decoded with the wrong encoding: '\xc3\xb6'"),
        ("a \ufffd b", r"replacement characters: '\ufffd'"),
        ("a\x1bb", r"control characters: '\x1b'"),
        ("a\ufffd\x00b", r"replacement characters: '\ufffd', control characters: '\x00'"),
    ],
)
def test_a_damaged_answer_goes_and_the_detail_says_what_was_found(text: str, detail: str) -> None:
    removed = drop_damaged(rows_frame([demonstration(text)])).removed
    assert removed.select("reason", "detail").rows() == [("answers_damaged", detail)]


def test_only_answers_that_are_learned_from_are_judged() -> None:
    rows = rows_frame([pair("fine", "\ufffd"), rated("\ufffd", desirable=False), pair("\ufffd", "fine")])
    assert drop_damaged(rows).removed["key"].to_list() == ["002"]


@settings(max_examples=50)
@given(st.lists(st.text() | st.text("Ãâ€œ\x00\t\n\ufffdé"), min_size=1, max_size=8), st.data())
@example(["Größe\t\n\r\f", "UN CAFÉ…", "SÃO"], None)
def test_what_goes_is_what_text_damage_finds(texts: list[str], data: st.DataObject | None) -> None:
    rows = rows_frame([demonstration(text) for text in texts])
    assert drop_damaged(rows).kept["completion"].to_list() == [text for text in texts if not damage(text)]
    order = data.draw(st.permutations(range(len(rows)))) if data else range(len(rows))
    assert_lawful(drop_damaged, rows, READS, order)
