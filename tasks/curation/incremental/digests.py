"""Which feedback there is, as one hash, at the cost of what is new: a digest for each question, kept in the index."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tasks.curation.incremental import layers as layered
from tasks.curation.incremental import runs
from tasks.curation.incremental.fingerprints import is_untouched
from tasks.curation.incremental.index import Index, LeftOut, index_folder, lock_file, read_index
from tasks.feedback import log
from tasks.feedback.event_frames import WHOLE, last_words
from tasks.feedback.withdrawals import Withdrawn, withdrawn, without_withdrawn
from tasks.files import one_at_a_time
from tasks.home import Home


def log_sha256(home: Home, domain: str, only: Sequence[str] | None = None, left_out: Withdrawn | None = None) -> str:
    """The sha256 over all judgements that stand: which feedback there is, however it was batched.

    What the domain's index has read is not parsed again, so that it costs what has been said since the domain was
    curated last; without an index, what all that was ever said does.

    Args:
        only: the segments of the log to read, as `log.segments` names them; None: all.
        left_out: what counts as withdrawn; None: what is withdrawn now.

    Raises:
        IntegrityError: when a segment is missing, altered or truncated, naming the file.
    """
    names = log.segments(home, domain) if only is None else only
    left_out = withdrawn(home, domain) if left_out is None else left_out
    folder = index_folder(home, domain)
    if not folder.exists():
        return _combined(_digests(home, domain, folder, Index(), names, left_out))
    with one_at_a_time(lock_file(folder)):
        index = read_index(folder)
        # What was read from a segment that is not to be read now cannot be told from the rest.
        index = index if {*index.segments} <= {*names} else Index()
        return _combined(_digests(home, domain, folder, index, names, left_out))


def _digests(
    home: Home, domain: str, folder: Path, index: Index, names: Sequence[str], left_out: Withdrawn
) -> pl.Series:
    """The digests of all questions on which a judgement stands: those of the index where nothing is new."""
    if not is_untouched((log.segment_path(home, domain, name) for name in index.segments), index.seen_segments):
        log.verify(home, domain, index.segments)
    new = sorted({*names} - {*index.segments})
    said = pl.concat([WHOLE.to_frame(), *(log.read_segment(home, domain, name) for name in new)])
    left = LeftOut(withdrawn=left_out, hostile=index.left.hostile)
    touched = pl.DataFrame(
        {"question_id": sorted({*said["question_id"], *layered.questions_of_left(folder, index, left)})},
        schema={"question_id": pl.String},
    )
    places = runs.with_place(touched)["place"] if index.events else pl.Series(dtype=pl.UInt64)
    own = pl.col("question_id").is_in(touched["question_id"].implode())
    earlier = runs.read_places(folder, index.events, WHOLE, 1, 0, places).filter(own).select(WHOLE.names())
    last = last_words(pl.concat([earlier, said]))
    found = layered.digest_questions(without_withdrawn(last.filter(~pl.col("retracted")), left_out))
    known = layered.valid(folder, index.layers, layered.DIGESTS, "digests", layered.DIGESTS.names())
    return pl.concat([known.filter(~own), found])["digest"]


def _combined(digests: pl.Series) -> str:
    return hashlib.sha256("\n".join(digests.sort()).encode()).hexdigest()
