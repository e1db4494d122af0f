"""Judgements as a Polars frame: read from a segment's lines, and one for each id.

The columns are those of EVENTS (tasks/curation/frames.py) and the fields that only a record has.
"""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from tasks.curation.frames import EVENTS
from tasks.files import canonical_json, parse_rows
from tasks.records import Feedback

# Whole judgements: a frame of these can be turned into records again. What a record calls its `reason` is its source's
# explanation here, for the reason of a row in curation is why it was left out.
WHOLE = pl.Schema({**EVENTS, "explanation": pl.String(), "both_orders": pl.List(pl.String())})

_FIELDS = {"explanation": "reason"}
_WRITTEN = pl.Schema(dict.fromkeys(sorted(Feedback.model_fields), pl.String))
_WRITTEN.update({name: WHOLE[name] for name in _WRITTEN if name in WHOLE and name != "given_at"})
_OPTIONAL = {"rating", "annotator", "correction", "reason", "both_orders", "given_at"}
_SLICE_BYTES = 32 << 20
_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"
_PREFERENCES = ["a", "b", "tie", "both_bad"]


def parse_segment(data: bytes) -> pl.DataFrame:
    """The judgements of a segment's bytes, WHOLE, in their order.

    Raises:
        ValueError: when a line is not a judgement of this version.
    """
    frames = [WHOLE.to_frame()]
    for part in _slices(data):
        parsed = _parse_canonical(part)
        # Written by hand, or by an older version: slow, and sure.
        frames.append(whole_frame(parse_rows(part, Feedback)) if parsed is None else parsed)
    return pl.concat(frames, rechunk=False)


def _slices(data: bytes) -> Iterator[bytes]:
    """The bytes in parts of whole lines, so that what parsing needs on top of them stays small."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _SLICE_BYTES) + 1 or len(data)
        yield data[start:end]
        start = end


def _parse_canonical(data: bytes) -> pl.DataFrame | None:
    """The rows, if the bytes are exactly what this version writes for valid rows; None when they are not."""
    try:
        written = pl.read_ndjson(data, schema=_WRITTEN)
    except pl.exceptions.ComputeError:
        return None
    encoded = written.select(pl.struct(_WRITTEN.names()).struct.json_encode()).to_series()
    if "\n".join(encoded).encode() + b"\n" != data or not _is_valid(written):
        return None
    moment = pl.col("given_at").str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    read = written.with_columns(moment, explanation="reason").select(WHOLE.names())
    impossible = read["given_at"].null_count() > written["given_at"].null_count()  # the 31st of June, say
    return None if impossible else read


def _is_valid(written: pl.DataFrame) -> bool:
    """Whether the values are within what the record allows; types and keys are known to be right."""
    sha256 = [pl.col(name).str.contains("^[0-9a-f]{64}$") for name in ("id", "candidate_a", "candidate_b")]
    orders = pl.col("both_orders")
    known = orders.list.eval(pl.element().is_in(_PREFERENCES)).list.all() & (orders.list.len() == 2)
    checks = [
        *(pl.col(name).is_not_null() for name in _WRITTEN.names() if name not in _OPTIONAL),
        *sha256,
        pl.col("preference").is_in(_PREFERENCES),
        pl.col("rating").is_null() | pl.col("rating").is_in(["up", "down"]),
        pl.col("confidence").is_between(0.0, 1.0),
        pl.col("round") >= 1,
        orders.is_null() | known,
        pl.col("given_at").is_null() | pl.col("given_at").str.contains(_MOMENT),
    ]
    return bool(written.select(pl.all_horizontal(check.fill_null(False).all() for check in checks)).item())


def whole_frame(feedback: Iterable[Feedback]) -> pl.DataFrame:
    """WHOLE of these judgements, in their order."""
    fields = ({"explanation": row.reason, **row.model_dump(exclude={"reason"})} for row in feedback)
    return pl.DataFrame(list(fields), schema=WHOLE)


def to_records(events: pl.DataFrame) -> list[Feedback]:
    """The rows of an EVENTS or WHOLE frame as records, in their order."""
    columns = [pl.col(name).alias(_FIELDS.get(name, name)) for name in WHOLE if name in events.columns]
    return [Feedback.model_validate(row) for row in events.select(columns).iter_rows(named=True)]


def canonical_lines(events: pl.DataFrame) -> pl.Series:
    """The canonical JSON of each row of a WHOLE frame, but for the way a number or a moment is written."""
    fields = events.rename(_FIELDS).select(sorted(Feedback.model_fields))
    return fields.select(pl.struct(pl.all()).struct.json_encode()).to_series()


def last_words(events: pl.DataFrame) -> pl.DataFrame:
    """One row for each id of an EVENTS or WHOLE frame, sorted by id, whatever the order they come in.

    Asked again, a person may have thought better of it: the judgement of the latest round counts, and within a
    round the one edited last, by the clock of the server that holds it. Where that is equal, too, a retraction
    counts, and then the judgement whose canonical JSON sorts first.
    """
    edited = pl.col("given_at").fill_null(pl.lit(0).cast(pl.Datetime("us", "UTC")))
    repeated = events.with_columns(edited=edited).filter(pl.col("id").is_duplicated())
    if repeated.is_empty():
        return events.sort("id")
    latest = (
        with_canonical_ties(repeated, ("id", "round", "edited", "retracted"))
        .sort("round", "edited", "retracted", "canonical", descending=[True, True, True, False])
        .unique("id", keep="first", maintain_order=True)
        .select(events.columns)
    )
    return pl.concat([events.filter(pl.col("id").is_unique()), latest]).sort("id")


def with_canonical_ties(events: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The rows with `canonical`: canonical JSON of the judgement where others have equal `by`, elsewhere empty.

    Writing it takes a record for each row, so only ties are written, and they are few.
    """
    tied = pl.struct(by).is_duplicated()
    marked = events.with_columns(canonical=pl.lit(""), tied=tied).with_row_index("place")
    rows = marked.filter("tied")
    if rows.is_empty():
        return marked.drop("tied", "place")
    text = pl.Series([canonical_json(row) for row in to_records(rows)], dtype=pl.String)
    written = rows.select("place", written=text)
    return (
        marked.join(written, on="place", how="left")
        .with_columns(canonical=pl.coalesce("written", "canonical"))
        .drop("written", "tied", "place")
    )
