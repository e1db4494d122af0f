"""Rows are written by column, byte for byte as their records would be."""

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.frames import ROWS
from tasks.curation.naming import name_rows
from tasks.files import canonical_json, sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Demonstration, PreferencePair, RatedAnswer, Record

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\t\x00\x1f\x7f\u2028'), max_size=8)
ids = st.text("0123456789abcdef", min_size=64, max_size=64)
rows = st.fixed_dictionaries(
    {
        "key": texts,
        "question_id": texts,
        "family": texts,
        "question": texts,
        "completion": texts,
        "rejected": texts,
        "desirable": st.booleans(),
        "source": texts,
        "origin": texts,
        "confidence": st.floats(0.0, 1.0) | st.sampled_from([1e-5, 1e-4, 5e-324, 0.1 + 0.2, 1 / 3]),
        "feedback": st.lists(ids, max_size=2),
    }
)


def demonstration(row: dict[str, object]) -> dict[str, object]:
    return {"completion": row["completion"]}


def pair(row: dict[str, object]) -> dict[str, object]:
    return {"chosen": row["completion"], "rejected": row["rejected"]}


def rated(row: dict[str, object]) -> dict[str, object]:
    return {"completion": row["completion"], "desirable": row["desirable"]}


@pytest.mark.parametrize("system_prompt", ["", "Be “brief”.\n"])
@pytest.mark.parametrize(
    ("kind", "learned", "record"),
    [("demonstration", demonstration, Demonstration), ("pair", pair, PreferencePair), ("rated", rated, RatedAnswer)],
)
@given(values=st.lists(rows, max_size=4))
def test_a_line_is_the_canonical_json_of_its_record(
    kind: str,
    learned: Callable[[dict[str, object]], dict[str, object]],
    record: type[Record],
    system_prompt: str,
    values: list[dict[str, object]],
) -> None:
    expected = []
    for row in values:
        content = {
            "prompt": [m.model_dump() for m in build_messages(system_prompt, str(row["question"]))],
            **learned(row),
        }
        told = ["question_id", "family", "source", "feedback", *(["confidence"] if kind == "pair" else [])]
        fields = {"id": sha256_of(content), **content, **{name: row[name] for name in told}}
        expected.append((fields["id"], canonical_json(record.model_validate(fields))))
    frame = pl.DataFrame([{**row, "kind": kind} for row in values], schema=ROWS)
    named = name_rows(frame, kind, system_prompt)
    assert sorted(named.select("id", "line").iter_rows()) == sorted(expected)
    assert named["id"].to_list() == sorted(named["id"])
    others = {"demonstration", "pair", "rated"} - {kind}
    assert all(name_rows(frame, other, system_prompt).is_empty() for other in others)
