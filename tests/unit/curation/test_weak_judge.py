"""A judge that people show to be too weak teaches nothing, and the data card says what that cost."""

import json
from functools import partial
from pathlib import Path

import pytest
from example_records import candidate, judgement, question

from tasks.config import Config
from tasks.curation.curate import curate
from tasks.curation.data_card import DataCard
from tasks.feedback import log
from tasks.files import write_rows
from tasks.home import Home
from tasks.judging.standing import weigh_judges
from tasks.records import Feedback, Preference
from tasks.snapshots import read_preference_pairs

AUDITED, OTHERS = [f"q{n}" for n in range(30)], [f"q{n}" for n in range(30, 60)]
JUDGE = "judge:local@0123456789ab"
CONFIG = Config.model_validate(
    {"name": "d", "questions": "q.jsonl", "root": Path("/"), "curate": {"near_duplicates": None}}
)


def said(right: int) -> list[Feedback]:
    """A person's word on the audited questions, and on all questions a judge's, right so many times of those 30."""
    rows: list[Feedback] = []
    for n, name in enumerate([*AUDITED, *OTHERS]):
        word: Preference = "a" if n % 4 < 2 else "b"
        wrong: Preference = "b" if word == "a" else "a"
        if name in AUDITED:
            rows.append(judgement("x", "y", word, annotator="ann", name=name, audit=True))
        rows.append(judgement("x", "y", word if n < right or n >= 30 else wrong, by=JUDGE, name=name))
    return rows


def origins_of_pairs(home: Home, right: int) -> tuple[dict[str, int], DataCard, str]:
    """Pairs in the snapshot by who they come from, and the data card with its text."""
    segment = log.append(home, "d", said(right))
    names = [*AUDITED, *OTHERS]
    snapshot = curate(
        home,
        "d",
        [write_rows(home.objects, [question(name, answer=None) for name in names])],
        [write_rows(home.objects, [candidate(text, name) for name in names for text in "xy"])],
        CONFIG,
        segments=[segment.sha256],
        weigh=partial(weigh_judges, CONFIG, home, []),
    )
    sources = [row.source.rpartition(":")[0] for row in read_preference_pairs(home.snapshots, snapshot)]
    folder = home.snapshots / snapshot.sha256
    card = DataCard.model_validate(json.loads((folder / "manifest.json").read_text())["card"])
    return {name: sources.count(name) for name in sources}, card, (folder / "data_card.md").read_text()


def test_none_of_its_pairs_is_learned_from_and_the_card_counts_them(tmp_path: Path) -> None:
    pairs, card, text = origins_of_pairs(Home(tmp_path), right=12)
    assert pairs == {"human": 30}
    (weights,) = (each for each in card.filters if each.name == "source weights")
    assert weights.removed == {"rows_of_sources_left_out": {"pair": 30}}
    assert {example.detail for example in weights.examples} == {JUDGE}
    assert "| source weights: rows of sources left out | 0 | -30 | 0 |" in text
    assert "| preference pairs | judge:local@0123456789ab | 30 | 0 |" in text


@pytest.mark.parametrize(("right", "pairs"), [(30, 30), (27, 30)])
def test_a_judge_that_agrees_with_people_teaches_what_people_did_not_say(
    tmp_path: Path, right: int, pairs: int
) -> None:
    found, card, _ = origins_of_pairs(Home(tmp_path), right)
    assert found == {"human": 30, JUDGE: pairs}
    assert all("rows_of_sources_left_out" not in each.removed for each in card.filters)


def test_a_judge_that_is_merely_unproven_teaches_a_part_of_it(tmp_path: Path) -> None:
    found, card, _ = origins_of_pairs(Home(tmp_path), right=19)
    (weights,) = (each for each in card.filters if each.name == "source weights")
    assert found.keys() == {"human", JUDGE}
    assert weights.removed == {"rows_by_weight": {"pair": 30 - found[JUDGE]}}
