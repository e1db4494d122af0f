"""Which judgements there are, whose they are, and in which segments of the log they lie: columns, not records."""

from typing import TYPE_CHECKING

from tasks.errors import IntegrityError, RatchetError, first_line
from tasks.feedback import log
from tasks.feedback.withdrawals import Withdrawn
from tasks.files import read_verified
from tasks.home import Home

if TYPE_CHECKING:
    import polars as pl

MIN_PREFIX = 8
_SHA256_DIGITS = 64


def read_judgements(home: Home, domain: str) -> "pl.DataFrame":
    """One row for each judgement in each segment: id, question_id, source, annotator, round, retracted, segment.

    Withdrawn and retracted ones are among them.

    Raises:
        IntegrityError: when a segment is altered, truncated, or holds no JSON lines.
    """
    import polars as pl

    text = [(name, pl.String) for name in ("id", "question_id", "source", "annotator")]
    schema = pl.Schema([*text, ("round", pl.Int64), ("retracted", pl.Boolean)])
    frames = [pl.DataFrame(schema=schema).with_columns(segment=pl.lit(None, dtype=pl.String))]
    for name in log.segments(home, domain):
        path = home.feedback_log(domain) / f"{name}.jsonl"
        data = read_verified(path, name)
        if not data:
            continue
        try:
            # Bytes, not the path: in that, polars would take `*` and `[` for a pattern.
            rows = pl.scan_ndjson(data, schema=schema).collect()
        except pl.exceptions.PolarsError as error:
            raise IntegrityError(
                f"{path} holds something else than judgements ({first_line(error)}): move it out of the log."
            ) from error
        frames.append(rows.with_columns(segment=pl.lit(name)))
    return pl.concat(frames)


def find_feedback(judgements: "pl.DataFrame", prefix: str) -> str:
    """The id of the only judgement whose id begins like this.

    Args:
        judgements: as `read_judgements` gives them.
        prefix: at least 8 hex digits.

    Raises:
        RatchetError: when there is none, or more than one.
    """
    wanted = prefix.lower()
    if not MIN_PREFIX <= len(wanted) <= _SHA256_DIGITS or set(wanted) - set("0123456789abcdef"):
        raise RatchetError(
            f"{prefix!r} is no feedback id: name at least {MIN_PREFIX} of its {_SHA256_DIGITS} hex digits, as "
            "`ratchet why VERSION --json` lists them."
        )
    found = judgements["id"].filter(judgements["id"].str.starts_with(wanted)).unique().sort().to_list()
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise RatchetError(
            f"No feedback has an id that begins with {wanted}: `ratchet why VERSION --json` lists those behind a model."
        )
    shown = ", ".join(each[: len(wanted) + 8] for each in found[:3])
    raise RatchetError(f"{len(found)} judgements have ids that begin with {wanted} ({shown}): name more digits.")


def withdrawn_ids(judgements: "pl.DataFrame", left_out: Withdrawn) -> frozenset[str]:
    """The ids of all judgements that are withdrawn, those of people who have withdrawn among them."""
    return frozenset(left_out.feedback) | ids_of_annotators(judgements, left_out.annotators)


def ids_of_annotators(judgements: "pl.DataFrame", annotators: tuple[str, ...]) -> frozenset[str]:
    """The ids of all that these people have said, retracted judgements among them."""
    import polars as pl

    theirs = judgements.filter(pl.col("annotator").is_in(list(annotators)))
    return frozenset(theirs["id"].to_list())
