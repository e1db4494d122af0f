"""The data card adds up: what was proposed is what was left out, for a reason, and what is in the snapshot."""

import json
import tempfile
from pathlib import Path
from typing import Any

from example_domain import World, curate_records, worlds
from example_records import candidate, judgement, question
from hypothesis import given, settings

from tasks.config import Config
from tasks.curation.data_card import DataCard, render
from tasks.curation.filters.personal_data import KINDS
from tasks.errors import DomainError
from tasks.home import Home
from tasks.records import Snapshot

CONFIG = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": Path("/")})
NAMES = {"demonstration": "demonstrations", "pair": "preference_pairs", "rated": "rated_answers"}


def read_card(home: Home, snapshot: Snapshot) -> tuple[DataCard, str]:
    folder = home.snapshots / snapshot.sha256
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return DataCard.model_validate(manifest["card"]), (folder / "data_card.md").read_text()


@settings(max_examples=40)
@given(worlds(ratings=True))
def test_the_rows_in_are_the_rows_out_and_those_removed(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        try:
            snapshot = curate_records(home, *world, CONFIG)
        except DomainError:
            return
        card, _ = read_card(home, snapshot)
    for kind, name in NAMES.items():
        removed = [kinds.get(kind, 0) for each in card.filters for kinds in each.removed.values()]
        rows_out = sum(card.rows_out.get(kind, {}).values())
        assert sum(card.rows_in.get(kind, {}).values()) == rows_out + sum(removed)
        assert rows_out == getattr(snapshot, name).rows
    by_reason: dict[str, int] = dict(card.judgements)
    for each in card.filters:
        for reason, kinds in each.removed.items():
            by_reason[reason] = by_reason.get(reason, 0) + sum(kinds.values())
        assert {example.reason for example in each.examples} == set(each.removed)
    assert by_reason == {reason: count for reason, count in snapshot.dropped.items() if count}


def test_the_texts_in_which_personal_data_was_replaced_are_counted_by_what_it_was(tmp_path: Path) -> None:
    asked = question("q", "Mail ann@firm.com or bob@firm.com.", text="Who is at 81.2.69.142?")
    feedback = [judgement("Call +49 30 901820.", "[email] is not given.", "a", name="q", annotator="ann")]
    candidates = [candidate(text, "q") for text in ("Call +49 30 901820.", "[email] is not given.")]
    home = Home(tmp_path)
    card, text = read_card(home, curate_records(home, [asked], candidates, feedback, CONFIG))
    # The pairs: of the two answers, and of the reference answer and the one that lost.
    assert card.rows_in == {"demonstration": {"reference": 1}, "pair": {"human": 1, "reference": 1}}
    assert card.replaced == {
        "email": {"demonstration": 1, "pair": 1},
        "ip": {"demonstration": 1, "pair": 2},
        "phone": {"pair": 1},
    }
    assert "| e-mail addresses | 1 | 1 | 0 |" in text
    assert "| phone numbers | 0 | 1 | 0 |" in text


def test_a_card_of_nothing_replaced_does_not_speak_of_it(tmp_path: Path) -> None:
    card, text = card_of(tmp_path)
    assert card.replaced == {}
    assert "Replaced" not in text


def test_every_kind_of_data_that_is_replaced_has_its_words() -> None:
    every = {kind: {"pair": 1} for kind in KINDS}
    card = DataCard(judgements={}, rows_in={}, replaced=every, filters=(), rows_out={}, chosen_longer=None)
    assert render(card).count(" | 0 | 1 | 0 |\n") == len(KINDS)


def card_of(tmp_path: Path, long: str = "y") -> tuple[DataCard, str]:
    home = Home(tmp_path)
    feedback = [judgement("x", long, "a"), judgement("x ", long, "a", annotator="ann"), judgement(long, long, "a")]
    candidates = [candidate(text) for text in ("x", "x ", long)]
    snapshot = curate_records(home, [question(answer="*the* <answer>")], candidates, feedback, CONFIG)
    return read_card(home, snapshot)


def test_each_filter_shows_what_it_left_out(tmp_path: Path) -> None:
    card, _ = card_of(tmp_path)
    shown = {
        each.name: [(example.reason, example.completion, example.rejected) for example in each.examples]
        for each in card.filters
    }
    assert shown["duplicate pairs"] == [("pairs_duplicate", "x", "y")]
    assert shown["identical"] == [("pairs_identical", "y", "y")]
    assert shown["blank"] == []
    assert card.rows_in["pair"] == {"human": 3, "reference": 1}
    assert card.rows_out["pair"] == {"human": 1, "reference": 1}


def test_long_texts_are_cut(tmp_path: Path) -> None:
    card, _ = card_of(tmp_path, "long " * 100)
    (example,) = next(each for each in card.filters if each.name == "duplicate pairs").examples
    assert example.rejected is not None
    assert len(example.rejected) == 160
    assert example.rejected.endswith("…")


def test_the_share_of_longer_chosen_answers_is_told(tmp_path: Path) -> None:
    card, text = card_of(tmp_path, "a longer one")
    assert card.chosen_longer == 0.5  # the reference answer is, x is not
    assert "The chosen answer is the longer one in 50.0% of the pairs." in text


def test_the_card_can_be_read_by_people_and_texts_cannot_break_it(tmp_path: Path) -> None:
    _, text = card_of(tmp_path, "# not | a <b>heading</b>\n\n*")
    assert text.startswith("# Data card\n")
    assert "| duplicate pairs: pairs duplicate | 0 | -1 | 0 |" in text
    assert "| **in the snapshot** | 1 | 2 | 0 |" in text
    assert "“x” / “\\# not \\| a \\<b\\>heading\\</b\\> \\*”" in text
