"""What curation keeps between rounds, so that a new batch costs what the batch costs: derived, and safe to delete.

    curation/<domain>/index.json         what has been read, and which files below hold what came of it
                      <sha256>.parquet   judgements, candidates, training rows and counts; see runs.py

The index is replaced as a whole, after all that it names is there: a process that is killed leaves the old one. Where
anything of it is damaged or missing, or of another version, it counts as empty, and all is read again.
"""

from pathlib import Path

import polars as pl

from tasks.curation.incremental import runs
from tasks.curation.incremental.fingerprints import is_untouched, settled_fingerprint
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.records import FileRef, Record, Sha256

# To be changed with anything that changes what is made of the same judgements.
VERSION = 2

_SMALL_SHARE = 4  # a run is small when it has less than a quarter of the rows of the largest
_SMALL_RUNS = 8


class Layer(Record):
    """Training rows of some questions; of two layers with the same question, the later one counts.

    Attributes:
        covers: the questions, also those that give no rows.
        rows: ROWS that passed the filters that look at rows or questions.
        tallies: TALLIES.
        digests: DIGESTS.
    """

    covers: FileRef
    rows: FileRef
    tallies: FileRef
    digests: FileRef


class LeftOut(Record):
    """Whose words were left out, whatever they say.

    Attributes:
        hostile: source, opaque id and reason of annotators who disagree with everyone.
    """

    withdrawn: Withdrawn = NOTHING
    hostile: tuple[tuple[str, str, str], ...] = ()


class Index(Record):
    """What has been read, and what came of it.

    Attributes:
        segments: segments of the feedback log, in `events`.
        candidate_files: in `candidates`.
        question_files: in `questions`, in their order.
        questions: QUESTIONS as they were; None: none have been read.
        agreement: STATISTICS of how often people agree in `events`; None: not counted yet.
        left: whose words `layers` leave out.
        rows_key: hash of all settings that `layers` depend on.
        removed: question and key of the rows that filters of the dataset left out of the snapshot.
        examples: rows for the data card that filters of rows or questions left out, with their texts.
        example_questions: sorted ids of the questions that `examples` were built of.
        snapshot: the one built last.
        snapshot_key: hash of all settings that its lines depend on besides the rows.
        seen: fingerprint of all files that the index names.
        seen_segments: fingerprint of the log's segments.
        seen_shards: fingerprint of the snapshot's shards.
    """

    version: int = VERSION
    segments: tuple[Sha256, ...] = ()
    candidate_files: tuple[Sha256, ...] = ()
    events: tuple[FileRef, ...] = ()
    candidates: tuple[FileRef, ...] = ()
    question_files: tuple[Sha256, ...] = ()
    questions: FileRef | None = None
    agreement: FileRef | None = None
    left: LeftOut = LeftOut()
    rows_key: str = ""
    layers: tuple[Layer, ...] = ()
    removed: FileRef | None = None
    examples: FileRef | None = None
    example_questions: tuple[str, ...] = ()
    snapshot: Sha256 | None = None
    snapshot_key: str = ""
    seen: str = ""
    seen_segments: str = ""
    seen_shards: str = ""

    @property
    def files(self) -> set[FileRef]:
        """All that it names."""
        named = {*self.events, *self.candidates, self.questions, self.agreement, self.removed, self.examples}
        layers = {file for each in self.layers for file in (each.covers, each.rows, each.tallies, each.digests)}
        return {file for file in named | layers if file is not None}


def index_folder(home: Home, domain: str) -> Path:
    """Where a domain's index is."""
    return home.root / "curation" / domain


def lock_file(folder: Path) -> Path:
    """What the one process that curates the domain locks."""
    return folder / "lock"


def read_index(folder: Path) -> Index:
    """The index; an empty one where there is none, or anything that it names is damaged.

    Every byte of that is verified, unless nobody has written to the files since.
    """
    try:
        index = Index.model_validate_json((folder / "index.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return Index()
    if index.version != VERSION:
        return Index()
    untouched = is_untouched(_paths(folder, index), index.seen)
    return index if untouched or all(runs.is_intact(folder, file) for file in index.files) else Index()


def write_index(folder: Path, index: Index) -> None:
    """Replaces the index, and deletes the files that it does not name.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    named = _paths(folder, index)
    seen = index.model_copy(update={"seen": settled_fingerprint(named)})
    write_atomically(folder / "index.json", canonical_json(seen).encode())
    for path in (*folder.glob("*.parquet"), *folder.glob(".*.tmp")):
        if path not in named:
            path.unlink(missing_ok=True)


def _paths(folder: Path, index: Index) -> set[Path]:
    return {runs.run_path(folder, file) for file in index.files}


def with_run(folder: Path, kept: tuple[FileRef, ...], frame: pl.DataFrame) -> tuple[FileRef, ...]:
    """The runs with one more, and small ones made one where they have become many, so that few are to be opened."""
    if frame.is_empty():
        return kept
    known = (*kept, runs.write_run(folder, frame))
    small = [run for run in known if run.rows * _SMALL_SHARE < max(run.rows for run in known)]
    if len(small) <= _SMALL_RUNS:
        return known
    merged = pl.concat([pl.read_parquet(runs.run_path(folder, run)) for run in small])
    return (*(run for run in known if run not in small), runs.write_run(folder, merged))
