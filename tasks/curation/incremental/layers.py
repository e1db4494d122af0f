"""Which questions are to be looked at again, and the rows that they give."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tasks.curation.annotators import STANDINGS, drop_annotators
from tasks.curation.filters.made_equal import twins
from tasks.curation.frames import CANDIDATES, QUESTIONS, ROWS
from tasks.curation.incremental import runs
from tasks.curation.incremental.index import Index, Layer, LeftOut
from tasks.curation.pipeline import Built, Pipeline, build_rows
from tasks.curation.tallies import TALLIES, tally
from tasks.feedback.event_frames import WHOLE, canonical_lines, last_words
from tasks.feedback.withdrawals import without_withdrawn
from tasks.files import canonical_json

_FLAGGED = {name: STANDINGS[name] for name in ("source", "annotator", "why")}
# Rows as they are kept: with what the data card and filters of the dataset need to know of their texts.
STORED = pl.Schema({**ROWS, "longer": pl.Int8(), "twin": pl.String()})
_COVERS = pl.Schema({"question_id": pl.String})
# A hash over the judgements that stand on a question, withdrawn ones left out; questions without any have none.
DIGESTS = pl.Schema({"question_id": pl.String, "digest": pl.String})
# Judgements, candidates and questions: enough for columns to pay, few enough to stay far below a gigabyte.
_ROWS_AT_ONCE = 200_000
_FEW_PLACES = 16
_LINES_AT_ONCE = 50_000
_SMALL_SHARE = 4  # a layer is small when it covers less than a quarter of what the largest does
_SMALL_LAYERS = 8


@dataclass(frozen=True)
class Part:
    """Some questions and what they give.

    Attributes:
        ids: `question_id` of each.
        standing: WHOLE: the judgements on them that stand, whoever they are by.
    """

    ids: pl.DataFrame
    standing: pl.DataFrame
    built: Built


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
    wanted = pl.Series("id", list(ids), dtype=pl.String).implode()
    texts = pl.concat([each.filter(pl.col("id").is_in(wanted))["question"] for each in questions]).unique().implode()
    return {*ids, *(name for each in questions for name in each.filter(pl.col("question").is_in(texts))["id"])}


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
    for part in build_parts(folder, index, pipeline, questions, touched):
        rows = part.built.rows.with_columns(longer=_longer(), twin=twins(part.built.rows))
        layers.append(
            Layer(
                covers=runs.write_run(folder, runs.with_place(part.ids)),
                rows=runs.write_run(folder, runs.with_place(rows)),
                tallies=runs.write_run(folder, runs.with_place(part.built.tallies)),
                digests=runs.write_run(folder, runs.with_place(digest_questions(part.standing))),
            )
        )
    return tuple(layers)


def build_parts(
    folder: Path, index: Index, pipeline: Pipeline, questions: pl.DataFrame, touched: Collection[str]
) -> Iterator[Part]:
    """What the questions give, in parts that keep questions of one text together."""
    for ids, first, last, far in _parts(index, questions, touched):
        names = ids["question_id"].implode()
        own = pl.col("question_id").is_in(names)
        events = runs.read_places(folder, index.events, WHOLE, first, last, far).filter(own).drop("place")
        candidates = runs.read_places(folder, index.candidates, CANDIDATES, first, last, far).filter(own)
        standing, heard, left_out = _standing(events, index.left)
        built = build_rows(
            pipeline,
            questions.filter(pl.col("id").is_in(names)),
            _each_once(candidates.select(CANDIDATES.names())),
            heard,
        )
        yield Part(ids, standing, Built(built.rows, built.removed, pl.concat([built.tallies, left_out])))


def digest_questions(standing: pl.DataFrame) -> pl.DataFrame:
    """DIGESTS of WHOLE judgements that stand, one row for each id, in any order."""
    hashes: dict[str, Any] = {}
    for part in standing.sort("question_id", "id").iter_slices(_LINES_AT_ONCE):
        lines = part.select("question_id", line=canonical_lines(part))
        texts = lines.group_by("question_id", maintain_order=True).agg(pl.col("line").str.join("\n"))
        # Python for each question: Polars has no sha256.
        for question, text in texts.iter_rows():
            hashes.setdefault(question, hashlib.sha256()).update(f"{text}\n".encode())
    digests = [(question, each.hexdigest()) for question, each in hashes.items()]
    return pl.DataFrame(digests, schema=DIGESTS, orient="row")


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


def _standing(events: pl.DataFrame, left: LeftOut) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The judgements that stand, one for each id; those of them that are heard; and TALLIES of the others."""
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
    return given, heard.kept, pl.concat([TALLIES.to_frame(), *tallies])


def _each_once(candidates: pl.DataFrame) -> pl.DataFrame:
    """One row for each id; a candidate's id is a hash of what it says, so it hardly matters which."""
    return candidates.unique().sort("id", "question_id", "text").unique("id", keep="first", maintain_order=True)


def valid(folder: Path, layers: Sequence[Layer], schema: pl.Schema, table: str, columns: Iterable[str]) -> pl.DataFrame:
    """These columns of a table of the layers, of each question the rows of the last layer that covers it."""
    names = list(columns)
    return _last_covering(folder, layers, schema, table, lambda own: own.select(names))


def valid_places(folder: Path, layers: Sequence[Layer], places: pl.Series) -> pl.DataFrame:
    """As `valid`, ROWS of the questions at these places."""
    own = pl.Series(places.unique().sort(), dtype=pl.UInt64)
    # Groups of rows are passed over by comparisons, and not by a list.
    if len(own) <= _FEW_PLACES:
        wanted = pl.any_horizontal(pl.lit(False), *(pl.col("place") == pl.lit(place, pl.UInt64) for place in own))
    else:
        stretch = pl.col("place").is_between(pl.lit(own[0], pl.UInt64), pl.lit(own[-1], pl.UInt64))
        wanted = stretch & pl.col("place").is_in(own.implode())
    return _last_covering(folder, layers, STORED, "rows", lambda own: own.filter(wanted).select(ROWS.names()))


def valid_tallies_of(folder: Path, layers: Sequence[Layer], steps: Iterable[str]) -> pl.DataFrame:
    """As `valid`, TALLIES and `place` of these steps."""
    wanted = pl.col("step").is_in(list(steps))
    return _last_covering(folder, layers, TALLIES, "tallies", lambda own: own.filter(wanted))


def summed_tallies(folder: Path, layers: Sequence[Layer]) -> pl.DataFrame:
    """`step`, `kind`, `reason` and `count` of all questions."""
    by = ("step", "kind", "reason")
    count = pl.col("count").sum()
    parts = _last_covering(folder, layers, TALLIES, "tallies", lambda own: own.group_by(by).agg(count))
    return parts.group_by(by).agg(count)


def _last_covering(
    folder: Path,
    layers: Sequence[Layer],
    schema: pl.Schema,
    table: str,
    read: Callable[[pl.LazyFrame], pl.LazyFrame],
) -> pl.DataFrame:
    """What `read` makes of a table of each layer, without the questions that later layers cover."""
    parts, covered = [], pl.Series("question_id", [], dtype=pl.String)
    for layer in reversed(layers):
        own = runs.scan(folder, [getattr(layer, table)], schema)
        if len(covered):
            own = own.filter(~pl.col("question_id").is_in(covered.implode()))
        parts.append(read(own).collect())
        covers = runs.scan(folder, [layer.covers], _COVERS).select("question_id").collect().to_series()
        covered = pl.concat([covered, covers])
    nothing = read(runs.scan(folder, [], schema)).collect()
    return pl.concat([nothing, *reversed(parts)])


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
    digests = valid(folder, small, DIGESTS, "digests", [*DIGESTS, "place"])
    one = Layer(
        covers=runs.write_run(folder, covers),
        rows=runs.write_run(folder, rows),
        tallies=runs.write_run(folder, tallies),
        digests=runs.write_run(folder, digests),
    )
    return (*layers[:first], one)


def is_sparse(layers: Sequence[Layer], questions: int) -> bool:
    """Whether most of what the layers hold is overridden by later ones, so that starting anew is cheaper."""
    return sum(layer.covers.rows for layer in layers) > 2 * max(questions, 1)
