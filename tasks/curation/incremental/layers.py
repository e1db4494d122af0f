"""Which questions are to be looked at again, and the rows that they give."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from tasks.curation.annotators import STANDINGS, drop_annotators
from tasks.curation.frames import CANDIDATES, QUESTIONS, ROWS
from tasks.curation.incremental import runs
from tasks.curation.incremental.index import Index, Layer, LeftOut
from tasks.curation.pipeline import Built, Pipeline, build_rows
from tasks.curation.tallies import TALLIES, tally
from tasks.feedback.event_frames import WHOLE, last_words
from tasks.feedback.withdrawals import without_withdrawn
from tasks.files import canonical_json

_FLAGGED = {name: STANDINGS[name] for name in ("source", "annotator", "why")}
# Rows as they are kept: with what the data card needs to know of their texts.
STORED = pl.Schema({**ROWS, "longer": pl.Int8()})
_COVERS = pl.Schema({"question_id": pl.String})
# Judgements, candidates and questions: enough for columns to pay, few enough to stay far below a gigabyte.
_ROWS_AT_ONCE = 200_000
_SMALL_SHARE = 4  # a layer is small when it covers less than a quarter of what the largest does
_SMALL_LAYERS = 8


def rows_key(pipeline: Pipeline) -> str:
    """The hash of all that rows depend on besides questions, candidates and judgements."""
    settings = {
        "filters": [[each.name, dict(each.parameters)] for each in pipeline.local],
        "weights": dict(pipeline.weights),
        "reference_pairs": pipeline.reference_pairs,
    }
    return hashlib.sha256(canonical_json(settings).encode()).hexdigest()


def changed_questions(before: pl.DataFrame, now: pl.DataFrame) -> set[str]:
    """Ids of questions that are new, gone, or not what they were; both frames are QUESTIONS."""
    columns = QUESTIONS.names()
    differing = [
        now.join(before, on=columns, how="anti", nulls_equal=True),
        before.join(now, on=columns, how="anti", nulls_equal=True),
    ]
    return {each for frame in differing for each in frame["id"]}


def with_same_text(ids: Collection[str], *questions: pl.DataFrame) -> set[str]:
    """These questions and all that have the text of one of them, for their rows are compared with each other."""
    known = pl.concat(questions).unique()
    wanted = pl.Series("id", list(ids), dtype=pl.String)
    texts = known.filter(pl.col("id").is_in(wanted.implode()))["question"].unique()
    return {*ids, *known.filter(pl.col("question").is_in(texts.implode()))["id"]}


def questions_of_left(folder: Path, index: Index, left: LeftOut) -> set[str]:
    """Questions of the judgements that are left out now and were not before, or the other way round."""
    before = index.left
    feedback = sorted({*before.withdrawn.feedback} ^ {*left.withdrawn.feedback})
    annotators = sorted({*before.withdrawn.annotators} ^ {*left.withdrawn.annotators})
    people = {each[:2] for each in before.hostile} ^ {each[:2] for each in left.hostile}
    annotators += sorted({annotator for _, annotator in people})
    if not feedback and not annotators:
        return set()
    touched = pl.col("id").is_in(feedback) | pl.col("annotator").is_in(annotators)
    found = runs.scan(folder, index.events, WHOLE).filter(touched).select(pl.col("question_id").unique()).collect()
    return set(found.to_series())


def build_layers(
    folder: Path, index: Index, pipeline: Pipeline, questions: pl.DataFrame, touched: Collection[str]
) -> tuple[Layer, ...]:
    """New layers for the touched questions, a part of them after the other."""
    layers = []
    for ids, built in build_parts(folder, index, pipeline, questions, touched):
        layers.append(
            Layer(
                covers=runs.write_run(folder, runs.with_place(ids)),
                rows=runs.write_run(folder, runs.with_place(built.rows.with_columns(longer=_longer()))),
                tallies=runs.write_run(folder, runs.with_place(built.tallies)),
            )
        )
    return tuple(layers)


def build_parts(
    folder: Path, index: Index, pipeline: Pipeline, questions: pl.DataFrame, touched: Collection[str]
) -> Iterator[tuple[pl.DataFrame, Built]]:
    """What the questions give, in parts that keep questions of one text together; each with its question ids."""
    for ids, first, last, far in _parts(index, questions, touched):
        names = ids["question_id"].implode()
        own = pl.col("question_id").is_in(names)
        events = runs.read_places(folder, index.events, WHOLE, first, last, far).filter(own).drop("place")
        candidates = runs.read_places(folder, index.candidates, CANDIDATES, first, last, far).filter(own)
        standing, left_out = _standing(events, index.left)
        built = build_rows(
            pipeline,
            questions.filter(pl.col("id").is_in(names)),
            _each_once(candidates.select(CANDIDATES.names())),
            standing,
        )
        yield ids, Built(built.rows, built.removed, pl.concat([built.tallies, left_out]))


def _longer() -> pl.Expr:
    """1 where the chosen answer is the longer one, -1 where the rejected is; null for rows that are no pairs."""
    by = pl.col("completion").str.len_chars().cast(pl.Int64) - pl.col("rejected").str.len_chars().cast(pl.Int64)
    return by.sign().cast(pl.Int8)


def _parts(
    index: Index, questions: pl.DataFrame, touched: Collection[str]
) -> Iterator[tuple[pl.DataFrame, int, int, pl.Series]]:
    """Question ids in parts, each with the first and last place of a stretch, and the places beyond it."""
    ids = runs.with_place(pl.DataFrame({"question_id": sorted(touched)}, schema=_COVERS))
    texts = questions.select(question_id="id", text="question")
    placed = ids.join(texts, on="question_id", how="left").with_columns(
        # Questions of the same text are in the part of the first of them.
        leader=pl.col("place").min().over(pl.coalesce("text", "question_id"))
    )
    ordered = placed.sort("leader", "place")
    known = max(len(questions), len(ids), 1)
    stored = sum(run.rows for run in (*index.events, *index.candidates)) + known
    size = max(1, _ROWS_AT_ONCE * known // stored)
    # Few questions are looked up one by one, many by the stretch that they make up.
    few = len(ids) * 4 < known
    start = 0
    while start < len(ordered):
        end = min(start + size, len(ordered))
        while end < len(ordered) and ordered["leader"][end] == ordered["leader"][end - 1]:
            end += 1
        part, start = ordered[start:end], end
        leads = pl.col("leader") == pl.col("place")
        if few:
            yield part.select("question_id"), 1, 0, part["place"]
        else:
            stretch = part.filter(leads)["place"]
            yield part.select("question_id"), stretch[0], stretch[-1], part.filter(~leads)["place"]


def _standing(events: pl.DataFrame, left: LeftOut) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The judgements that stand, one for each id, and TALLIES of those that do not."""
    last = last_words(events)
    flagged = pl.DataFrame(left.hostile, _FLAGGED, orient="row")
    standing = last.filter(~pl.col("retracted"))
    given = without_withdrawn(standing, left.withdrawn)
    heard = drop_annotators(given, flagged)
    repeated = pl.concat(
        [tally(events, "judgements_duplicate"), tally(last, "judgements_duplicate").with_columns(-pl.col("count"))]
    )
    tallies = [
        repeated.group_by(pl.all().exclude("count"), maintain_order=True)
        .agg(pl.col("count").sum())
        .filter(pl.col("count") > 0),
        tally(last.filter("retracted"), "judgements_retracted"),
        tally(standing.join(given.select("id"), on="id", how="anti"), "judgements_withdrawn"),
        tally(heard.removed),
    ]
    return heard.kept, pl.concat([TALLIES.to_frame(), *tallies])


def _each_once(candidates: pl.DataFrame) -> pl.DataFrame:
    """One row for each id; a candidate's id is a hash of what it says, so it hardly matters which."""
    return candidates.unique().sort("id", "question_id", "text").unique("id", keep="first", maintain_order=True)


def valid(folder: Path, layers: Sequence[Layer], schema: pl.Schema, table: str, columns: Iterable[str]) -> pl.DataFrame:
    """These columns of the layers' rows or tallies, of each question those of the last layer that covers it."""
    return _last_covering(folder, layers, schema, table, list(columns), None)


def valid_places(folder: Path, layers: Sequence[Layer], places: pl.Series) -> pl.DataFrame:
    """As `valid`, ROWS of the questions at these places."""
    return _last_covering(folder, layers, STORED, "rows", ROWS.names(), pl.col("place").is_in(places.implode()))


def _last_covering(
    folder: Path, layers: Sequence[Layer], schema: pl.Schema, table: str, columns: list[str], wanted: pl.Expr | None
) -> pl.DataFrame:
    parts, covered = [], pl.Series("question_id", [], dtype=pl.String)
    for layer in reversed(layers):
        own = runs.scan(folder, [getattr(layer, table)], schema)
        own = own if wanted is None else own.filter(wanted)
        if len(covered):
            own = own.filter(~pl.col("question_id").is_in(covered.implode()))
        parts.append(own.select(columns).collect())
        covers = runs.scan(folder, [layer.covers], _COVERS).select("question_id").collect().to_series()
        covered = pl.concat([covered, covers])
    empty = pl.Schema({**schema, "place": pl.UInt64()}).to_frame().select(columns)
    return pl.concat([empty, *reversed(parts)])


def merged(folder: Path, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers, the last ones made one where many small ones have come on top, so that few are to be opened."""
    largest = max((layer.covers.rows for layer in layers), default=0)
    first = len(layers)
    while first and layers[first - 1].covers.rows * _SMALL_SHARE < largest:
        first -= 1
    small = layers[first:]
    if len(small) <= _SMALL_LAYERS:
        return layers
    covers = pl.concat([pl.read_parquet(runs.run_path(folder, layer.covers)) for layer in small]).unique()
    rows = valid(folder, small, STORED, "rows", [*STORED, "place"])
    tallies = valid(folder, small, TALLIES, "tallies", [*TALLIES, "place"])
    one = Layer(
        covers=runs.write_run(folder, covers),
        rows=runs.write_run(folder, rows),
        tallies=runs.write_run(folder, tallies),
    )
    return (*layers[:first], one)


def is_sparse(layers: Sequence[Layer], questions: int) -> bool:
    """Whether most of what the layers hold is overridden by later ones, so that starting anew is cheaper."""
    return sum(layer.covers.rows for layer in layers) > 2 * max(questions, 1)
