"""The curate stage: from questions, candidates and feedback to an immutable dataset."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from tasks.config import Config
from tasks.curation.data_card import EXAMPLES, DataCard, make_card, questions_for_examples, render
from tasks.curation.filters.decontamination import Embed
from tasks.curation.incremental import layers as layered
from tasks.curation.incremental import runs
from tasks.curation.incremental.assemble import (
    Dataset,
    choose_rows,
    fingerprint_shards,
    lines_key,
    make_shards,
    stale_shards,
)
from tasks.curation.incremental.hostility import count_agreement, find_hostile
from tasks.curation.incremental.index import Index, LeftOut, index_folder, lock_file, read_index, write_index
from tasks.curation.incremental.ingest import all_questions, asked_questions, ingest, known_questions, usable
from tasks.curation.incremental.measured import measured_events
from tasks.curation.leakage import assert_no_test_families
from tasks.curation.pipeline import REASONS, Pipeline, curation_pipeline
from tasks.curation.tallies import tally_removed, total
from tasks.errors import DomainError, IntegrityError
from tasks.feedback import log
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.files import one_at_a_time
from tasks.home import Home
from tasks.records import FileRef, Snapshot
from tasks.snapshots import KINDS, Kind, read_manifest, write_shards

Weigh = Callable[[pl.DataFrame], Mapping[str, float]]


def curate(  # noqa: PLR0913  what a snapshot depends on
    home: Home,
    domain_name: str,
    questions: Sequence[FileRef],
    candidates: Sequence[FileRef],
    config: Config,
    *,
    segments: Sequence[str] | None = None,
    weigh: Weigh | None = None,
    withdrawn: Withdrawn = NOTHING,
    embed: Embed | None = None,
) -> Snapshot:
    """Builds demonstrations, preference pairs and rated answers, checks them for leaks and writes them as a snapshot.

    The same judgements in any order and any batches give the same snapshot, on any machine. What was built before is
    kept below `home` and used again, so that a new batch costs what the batch costs.

    Args:
        questions: the domain's questions, then others that were asked; of one id the first counts.
        candidates: files of every candidate the feedback speaks of, of this round and earlier ones.
        segments: the segments of the feedback log to learn from; None: all.
        weigh: what judges' words weigh, 0 to 1, by feedback source, from what `measured_events` gives; None: all 1.
        withdrawn: judgements that must not be learned from, and annotators.
        embed: from texts to their vectors, to find questions that mean what a test question does; None: by words only.

    Raises:
        DomainError: when there is nothing to train on.
        IntegrityError: when a row would train on the test set, a file was altered, or the snapshot exists but was.
        HomeError: when the disk is full or not writable.
    """
    folder = index_folder(home, domain_name)
    names = log.segments(home, domain_name) if segments is None else segments
    with one_at_a_time(lock_file(folder)):
        before = usable(read_index(folder), names, candidates)
        asked = asked_questions(home.objects, folder, before, questions)
        index, said_of = ingest(home, domain_name, folder, before, names, candidates)
        index = index.model_copy(update={"question_files": tuple(file.sha256 for file in questions)})
        weights = weigh(measured_events(folder, index.events, withdrawn)) if weigh else {}
        tests = asked.filter(asked["split"] == "test")
        pipeline = curation_pipeline(config.curate, weights, test_questions=tests, embed=embed, cache=folder)
        index, touched = _update(folder, (before, index), said_of, asked, pipeline, withdrawn)
        dataset = choose_rows(folder, index, pipeline.dataset)
        index, examples = _examples(folder, index, pipeline, asked, dataset, touched)
        card, dropped = _describe(folder, index, pipeline, dataset, examples)
        _check(folder, index, domain_name, asked, dataset, dropped)
        shards, earlier = _earlier(home.snapshots, index, lines_key(config.system_prompt))
        stale = stale_shards(folder, index, dataset, touched, shards, earlier)
        snapshot = write_shards(
            home.snapshots,
            make_shards(folder, index, dataset, config.system_prompt, stale, (shards, earlier)),
            dataset.shards,
            parents=[*(file.sha256 for file in questions), *names],
            dropped=dropped,
            earlier=earlier,
            card=card.model_dump(mode="json"),
            card_text=render(card),
        )
        update = {
            "layers": layered.merged(folder, index.layers),
            "removed": runs.write_run(folder, runs.with_place(dataset.removed)),
            "snapshot": snapshot.sha256,
            "seen_shards": fingerprint_shards(home.snapshots / snapshot.sha256),
            "snapshot_key": lines_key(config.system_prompt),
        }
        write_index(folder, index.model_copy(update=update))
    return snapshot


def _update(
    folder: Path,
    read: tuple[Index, Index],
    said_of: set[str],
    questions: pl.DataFrame,
    pipeline: Pipeline,
    withdrawn: Withdrawn,
) -> tuple[Index, set[str]]:
    """The index with layers for all that has changed, and the questions that this touches.

    Args:
        read: the index before and after reading what is new.
        said_of: questions that the new judgements and candidates speak of.
    """
    before, index = read
    key = layered.rows_key(pipeline)
    same = before.questions is not None and before.question_files == index.question_files
    known = questions if same else known_questions(folder, index)
    left = LeftOut(withdrawn=withdrawn, hostile=index.left.hostile)
    news = said_of | layered.questions_of_left(folder, index, left)
    statistics = count_agreement(folder, before, index.events, withdrawn, news)
    left = left.model_copy(update={"hostile": find_hostile(statistics, pipeline.annotators)})
    everything = index.rows_key != key or layered.is_sparse(index.layers, len(questions))
    if everything:
        touched = {*all_questions(folder, index), *questions["id"], *known["id"]}
    else:
        touched = news | layered.questions_of_left(folder, index, left)
        if not same:
            touched |= layered.changed_questions(known, questions)
        touched = layered.with_same_text(touched, *([questions] if same else [known, questions]))
    update = {
        "questions": before.questions
        if same
        else runs.write_run(folder, questions.with_columns(place=pl.lit(0, pl.UInt64))),
        "agreement": runs.write_run(folder, statistics.with_columns(place=pl.lit(0, pl.UInt64))),
        "left": left,
        "rows_key": key,
        "layers": () if everything else index.layers,
    }
    index = index.model_copy(update=update)
    new = layered.build_layers(folder, index, pipeline, questions, touched)
    return index.model_copy(update={"layers": (*index.layers, *new)}), touched


def _describe(
    folder: Path, index: Index, pipeline: Pipeline, dataset: Dataset, examples: pl.DataFrame
) -> tuple[DataCard, dict[str, int]]:
    """The data card, and how much was left out for each reason."""
    built = layered.summed_tallies(folder, index.layers)
    counted = pl.concat([built, tally_removed(dataset.removed).select(built.columns)])
    return make_card(pipeline.filters, counted, dataset.rows, examples), total(counted, REASONS)


def _examples(
    folder: Path, index: Index, pipeline: Pipeline, questions: pl.DataFrame, dataset: Dataset, touched: set[str]
) -> tuple[Index, pl.DataFrame]:
    """Rows that were left out, with their texts, and the index with what is kept of them.

    Filters of the dataset leave their rows in the index. What others left out is not kept, so some questions are built
    again, unless they are those that it was done for last.
    """
    tallies = layered.valid_tallies_of(folder, index.layers, [each.name for each in pipeline.local])
    ids = layered.with_same_text(questions_for_examples(pipeline.local, tallies), questions)
    names = tuple(sorted(ids))
    columns = ["place", "key", "question", "completion", "rejected", "reason", "detail", "filter"]
    nothing = pl.Schema(dict.fromkeys(columns, pl.String) | {"place": pl.UInt64}).to_frame()
    if index.examples is None or index.example_questions != names or touched & ids:
        parts = layered.build_parts(folder, index, pipeline, questions, ids)
        built = pl.concat([nothing, *(runs.with_place(part.built.removed).select(columns) for part in parts)])
        update = {"examples": runs.write_run(folder, built), "example_questions": names}
        index = index.model_copy(update=update)
    else:
        built = pl.read_parquet(runs.run_path(folder, index.examples)).select(columns)
    placed = runs.with_place(dataset.removed)
    first = placed.sort("place", "key").group_by("filter", "reason", maintain_order=True).head(EXAMPLES)
    if first.is_empty():
        return index, built
    rows = layered.valid_places(folder, index.layers, first["place"].unique())
    return index, pl.concat([built, first.join(rows.drop("question_id", "kind"), on="key").select(columns)])


def _check(
    folder: Path, index: Index, domain_name: str, questions: pl.DataFrame, dataset: Dataset, dropped: Mapping[str, int]
) -> None:
    """Returns when there is something to train on, and nothing of the test set in it."""
    if dataset.rows.is_empty():
        reasons = [f"{reason.replace('_', ' ')}: {rows}" for reason, rows in sorted(dropped.items()) if rows]
        why = f"left out {', '.join(reasons)}" if reasons else "no answers, no feedback"
        raise DomainError(
            f"Domain {domain_name} has nothing to train on ({why}): "
            "give train questions an `answer`, or collect feedback on them first."
        )
    rows = layered.valid(folder, index.layers, layered.STORED, "rows", ["question_id", "family", "question"])
    assert_no_test_families(questions, rows)


def _earlier(snapshots: Path, index: Index, key: str) -> tuple[Mapping[Kind, Sequence[FileRef]], Path]:
    """The shards of the snapshot built last, and its folder; none where there is none to be used."""
    nothing: Mapping[Kind, Sequence[FileRef]] = dict.fromkeys(KINDS, ())
    if index.snapshot is None or index.snapshot_key != key:
        return nothing, snapshots
    try:
        _, shards = read_manifest(snapshots, index.snapshot)
    except IntegrityError:  # deleted or damaged: then all is written anew
        return nothing, snapshots
    return shards, snapshots / index.snapshot
