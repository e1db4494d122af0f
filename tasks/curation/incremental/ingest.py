"""Reading what is new: segments of the feedback log, files of candidates, and the domain's questions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from tasks.curation.frames import CANDIDATES, QUESTIONS
from tasks.curation.incremental import runs
from tasks.curation.incremental.fingerprints import is_untouched, settled_fingerprint
from tasks.curation.incremental.index import Index, with_run
from tasks.errors import IntegrityError
from tasks.feedback import log
from tasks.feedback.event_frames import WHOLE
from tasks.files import read_verified
from tasks.home import Home
from tasks.records import FileRef

_RUN_ROWS = 200_000


def usable(index: Index, segments: Sequence[str], candidates: Sequence[FileRef]) -> Index:
    """The index, or an empty one if it has read a segment or a file of candidates that is not among these."""
    names = {file.sha256 for file in candidates}
    return index if {*index.segments} <= {*segments} and {*index.candidate_files} <= names else Index()


def ingest(
    home: Home, domain: str, folder: Path, index: Index, segments: Sequence[str], candidates: Sequence[FileRef]
) -> tuple[Index, set[str]]:
    """The index with these segments and files of candidates read, and the questions that the new ones speak of.

    Args:
        index: one that has read some of them and no others, as `usable` gives it.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when a file is missing, altered, or holds something else.
    """
    # Taken before anything is read, so that it fits what was read, or nothing.
    seen = settled_fingerprint(log.segment_path(home, domain, name) for name in segments)
    if not is_untouched((log.segment_path(home, domain, name) for name in index.segments), index.seen_segments):
        log.verify(home, domain, index.segments)
    names = sorted({file.sha256 for file in candidates})
    new_segments = sorted({*segments} - {*index.segments})
    new_files = sorted({*names} - {*index.candidate_files})
    events, said_of = _append(folder, index.events, new_segments, lambda name: log.read_segment(home, domain, name))
    sampled, asked = _append(folder, index.candidates, new_files, lambda name: read_candidates(home.objects, name))
    update = {
        "segments": tuple(sorted(segments)),
        "seen_segments": seen,
        "candidate_files": tuple(names),
        "events": events,
        "candidates": sampled,
    }
    return index.model_copy(update=update), said_of | asked


def _append(
    folder: Path, kept: tuple[FileRef, ...], names: Sequence[str], read: Callable[[str], pl.DataFrame]
) -> tuple[tuple[FileRef, ...], set[str]]:
    """The runs with the rows of these files, and the questions of those rows."""
    questions: set[str] = set()
    for frame in _in_runs(read(name) for name in names):
        placed = runs.with_place(frame)
        questions.update(placed["question_id"].unique())
        kept = with_run(folder, kept, placed)
    return kept, questions


def _in_runs(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames put together until they make a run, so that no more than that is held at once."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(map(len, waiting)) >= _RUN_ROWS:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)


def read_candidates(objects: Path, sha256: str) -> pl.DataFrame:
    """CANDIDATES of a file of candidates.

    Raises:
        IntegrityError: when it is missing, altered, or holds something else.
    """
    return _read_columns(objects / f"{sha256}.jsonl", sha256, CANDIDATES, ("id", "question_id", "text"))


def read_questions(objects: Path, references: Sequence[FileRef]) -> pl.DataFrame:
    """QUESTIONS of these files, sorted by id; of one id the first counts.

    Raises:
        IntegrityError: when a file is missing, altered, or holds something else.
    """
    needed = ("id", "question", "family", "split")
    frames = [_read_columns(objects / f"{file.sha256}.jsonl", file.sha256, QUESTIONS, needed) for file in references]
    return pl.concat([QUESTIONS.to_frame(), *frames]).unique("id", keep="first", maintain_order=True).sort("id")


def asked_questions(objects: Path, folder: Path, index: Index, references: Sequence[FileRef]) -> pl.DataFrame:
    """As `read_questions`; files that the index has read are verified, and not parsed again."""
    if index.questions is None or index.question_files != tuple(file.sha256 for file in references):
        return read_questions(objects, references)
    for file in references:
        read_verified(objects / f"{file.sha256}.jsonl", file.sha256)
    return known_questions(folder, index)


def known_questions(folder: Path, index: Index) -> pl.DataFrame:
    """QUESTIONS as they were when the domain was curated last, sorted by id."""
    if index.questions is None:
        return QUESTIONS.to_frame()
    return pl.read_parquet(runs.run_path(folder, index.questions)).select(QUESTIONS.names()).sort("id")


def _read_columns(path: Path, sha256: str, schema: pl.Schema, needed: Sequence[str]) -> pl.DataFrame:
    data = read_verified(path, sha256)
    if not data:
        return schema.to_frame()
    try:
        frame = pl.read_ndjson(data, schema=schema)
        whole = frame.select(pl.all_horizontal(pl.col(name).is_not_null().all() for name in needed)).item()
    except pl.exceptions.PolarsError:
        whole = False
    if not whole:
        raise IntegrityError(f"{path} does not hold what its name promises: run the round again from collect.")
    return frame


def all_questions(folder: Path, index: Index) -> set[str]:
    """Every question that a judgement or candidate of the index speaks of."""
    frames = [runs.scan(folder, index.events, WHOLE), runs.scan(folder, index.candidates, CANDIDATES)]
    return {each for frame in frames for each in frame.select(pl.col("question_id").unique()).collect().to_series()}
