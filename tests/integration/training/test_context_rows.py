"""Passages for the rows of a snapshot, from a real index, and a real training on them."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from integration.training.context_stage import NAMES, Stage, ask, question

from tasks.files import read_rows, sha256_of
from tasks.home import Home
from tasks.models.prompting import build_messages
from tasks.records import BaseModelRef, RowContext
from tasks.retrieval.index import indexes_folder
from tasks.settings.training import TrainSettings
from tasks.snapshots import read_demonstrations
from tasks.training.rows import AnyRow


@pytest.fixture
def stage(ratchet_home: Path, base: BaseModelRef, settings: TrainSettings, tmp_path: Path) -> Stage:
    made = Stage(Home(ratchet_home), base, settings, tmp_path)
    made.set(closed_book_share=0.0, oracle_share=1.0)
    return made


def documents_of(context: RowContext) -> list[str]:
    return [passage.document_id for passage in context.passages]


def test_every_row_has_what_was_drawn_for_it(stage: Stage) -> None:
    stage.set(closed_book_share=0.4, oracle_share=0.5)
    pairs = stage.pairs()
    learned: list[AnyRow] = [*stage.demonstrations(), *pairs]

    rows = stage.rows(pairs)

    assert rows.keys() == {row.id for row in learned}
    assert set(Counter(row.kind for row in rows.values())) == {"closed_book", "oracle", "distractors"}
    for row in learned:
        context, source = rows[row.id], f"{row.question_id}.txt"
        assert (source in documents_of(context)) == (context.kind == "oracle")
        assert len(context.passages) == (0 if context.kind == "closed_book" else 2)


def test_an_oracle_row_has_what_retrieval_finds_in_its_order(stage: Stage) -> None:
    stage.questions[0] = question("chain", ("chain.txt",))

    context = stage.rows()[sha256_of("chain")]

    assert documents_of(context)[0] == "chain.txt"
    assert context.passages[0].text == stage.texts["chain.txt"]
    assert context.kind == "oracle"


def test_a_source_that_retrieval_misses_takes_the_last_place(stage: Stage) -> None:
    stage.texts["other.txt"] = "Nothing in common. " * 3
    stage.texts["hidden.txt"] = "यह"
    stage.questions[:2] = [question("chain", ("other.txt",)), question("sort", ("hidden.txt",))]

    rows = stage.rows()

    for name, source in (("chain", "other.txt"), ("sort", "hidden.txt")):
        assert documents_of(rows[sha256_of(name)]) == [f"{name}.txt", source]
        assert rows[sha256_of(name)].kind == "oracle"


def test_of_documents_with_one_text_the_one_that_is_indexed_is_the_source(stage: Stage) -> None:
    stage.texts["a-copy.txt"] = stage.texts["chain.txt"]

    context = stage.rows()[sha256_of("chain")]

    assert documents_of(context)[0] == "a-copy.txt"
    assert context.kind == "oracle"


def test_without_known_sources_the_ranking_is_taken_as_it_is(stage: Stage) -> None:
    stage.set(oracle_share=0.0)
    stage.questions = [question(name, ("gone.txt",) if name == "sort" else ()) for name in NAMES]

    rows = stage.rows()

    assert {row.kind for row in rows.values()} == {"unknown_sources"}
    assert documents_of(rows[sha256_of("chain")])[0] == "chain.txt"


def test_where_retrieval_finds_nothing_there_is_nothing_in_the_prompt(stage: Stage) -> None:
    stage.questions[0] = question("chain", ("chain.txt",)).model_copy(update={"question": "?!"})

    context = stage.rows()[sha256_of("chain")]

    assert (context.kind, context.passages) == ("nothing_found", ())


def test_the_words_and_the_order_are_those_of_answering(stage: Stage) -> None:
    stage.retrieve(passages=3, order="edges")
    edges = stage.rows()[sha256_of("chain")]
    shutil.rmtree(stage.folder)
    stage.retrieve(order="relevance")
    ranked = stage.rows()[sha256_of("chain")]
    shutil.rmtree(stage.folder)
    stage.retrieve(max_words=11)
    short = stage.rows()[sha256_of("chain")]

    assert edges.passages == (ranked.passages[0], ranked.passages[2], ranked.passages[1])
    assert short.passages == ranked.passages[:1]


def test_a_row_that_is_too_long_loses_its_last_passages_first(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.texts["chain.txt"] = "chain. What does chain do? It chains."
    stage.texts["zip.txt"] = f"zip. What does zip do? {'It zips. ' * 40}"
    stage.config = stage.config.model_copy(update={"train": stage.config.train.model_copy(update={"max_length": 220})})
    stage.retrieve(passages=2)

    adapter = stage.train()
    rows = stage.rows()

    assert documents_of(rows[sha256_of("chain")])[0] == "chain.txt"
    zips = rows[sha256_of("zip")]
    assert (zips.kind, len(zips.passages), zips.cut) == ("distractors", 1, 1)  # its source came last
    assert adapter.contexts is not None and adapter.contexts.cut == sum(row.cut > 0 for row in rows.values())
    assert adapter.demonstrations == len(NAMES)
    said = (
        f"train: {adapter.contexts.cut} rows lost passages, the last ranked first, to fit train.max_length=220 tokens"
    )
    assert said in capsys.readouterr().err


def test_a_killed_training_goes_on_with_the_same_passages(stage: Stage) -> None:
    first = stage.plan()
    shutil.rmtree(indexes_folder(stage.home))

    assert stage.plan() == first
    assert not indexes_folder(stage.home).exists()


def test_the_same_rows_have_the_same_passages_in_a_new_home(stage: Stage, tmp_path: Path) -> None:
    stage.set(closed_book_share=0.4, oracle_share=0.5)
    first = stage.plan()
    stage.home, stage.folder = Home(tmp_path / "other"), tmp_path / "other" / "work"
    stage.questions.reverse()

    assert stage.plan() == first


def test_without_the_section_or_without_documents_no_row_has_passages(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.texts = {}
    assert stage.plan() is None
    said = "train: there are no documents, so that no row has passages, whatever train.contexts says"
    assert said in capsys.readouterr().err
    stage.config = stage.config.model_copy(update={"train": stage.config.train.model_copy(update={"contexts": None})})
    assert stage.plan() is None
    assert not indexes_folder(stage.home).exists()


@pytest.mark.parametrize("preference", ["dpo", "kto"])
def test_the_phases_train_on_the_passages_and_the_adapter_counts_them(
    stage: Stage, preference: str, capture_trainer: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    train = stage.config.train.model_copy(update={"preference": preference})
    stage.config = stage.config.model_copy(update={"train": train})
    stage.set(closed_book_share=0.3, oracle_share=0.7, citations=True)
    pairs = stage.pairs()

    adapter = stage.train(pairs)

    contexts = adapter.contexts
    assert contexts is not None
    rows = read_rows(stage.home.objects, contexts.rows, RowContext)
    kinds = Counter(row.kind for row in rows)
    assert kinds == {kind: getattr(contexts, kind) for kind in kinds}
    assert sum(kinds.values()) == len(NAMES) * (2 if preference == "dpo" else 3)
    assert len(kinds) == 3
    assert f"train: rows {contexts.describe()}" in capsys.readouterr().err
    by_id = {row.row: row for row in rows}
    sft = {sample_question(row): row for row in capture_trainer[0].train_dataset}
    for row in read_demonstrations(stage.home.snapshots, stage.snapshot(pairs)):
        given, learned = by_id[row.id], sft[row.prompt[-1].content]
        assert learned["prompt"] == [
            message.model_dump()
            for message in build_messages("Be brief.", ask(row.question_id), [each.text for each in given.passages])
        ]
        cited = " [1]" if documents_of(given)[:1] == [f"{row.question_id}.txt"] else ""
        assert learned["completion"][0]["content"] == f"{row.completion}{cited}"
    assert len(capture_trainer) == 2
    with_passages = [row for row in capture_trainer[1].train_dataset if "Passages" in prompt_text(row)]
    assert 0 < len(with_passages) < len(capture_trainer[1].train_dataset)


def prompt_text(row: dict[str, Any]) -> str:
    text: str = row["prompt"][-1]["content"]
    return text


def sample_question(row: dict[str, Any]) -> str:
    return prompt_text(row).rpartition("Question: ")[2]
