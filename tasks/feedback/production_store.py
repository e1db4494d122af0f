"""Production questions and candidates: kept as content-addressed files, and listed so that curation finds them all.

objects/<sha256>.jsonl                    the questions, and the candidates, that one pull brought
feedback/<domain>/production/<sha256>.json   which two files those are
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import ValidationError

from tasks.errors import IntegrityError
from tasks.files import canonical_json, sha256_of, write_atomically, write_rows
from tasks.home import Home
from tasks.records import Candidate, FileRef, Question, Record

Stored = TypeVar("Stored", Question, Candidate)


class ProductionBatch(Record):
    """What one pull brought beside the feedback itself."""

    questions: FileRef
    candidates: FileRef


def keep_production(
    home: Home, domain: str, questions: Sequence[Question], candidates: Sequence[Candidate]
) -> ProductionBatch:
    """Keeps them for `read_production`; the same ones again are the same files.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    batch = ProductionBatch(
        questions=write_rows(home.objects, _one_per_id(questions)),
        candidates=write_rows(home.objects, _one_per_id(candidates)),
    )
    note = home.feedback_log(domain) / "production" / f"{sha256_of(batch)}.json"
    if not note.exists():
        write_atomically(note, canonical_json(batch).encode())
    return batch


def read_production(home: Home, domain: str) -> tuple[list[FileRef], list[FileRef]]:
    """The files of production questions and of production candidates; a row may be in several of them.

    Raises:
        IntegrityError: when a note of them is damaged.
    """
    batches = []
    for path in sorted((home.feedback_log(domain) / "production").glob("*.json")):
        try:
            batches.append(ProductionBatch.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            raise IntegrityError(f"{path} is damaged: restore it from a backup, or delete it.") from error
    return [batch.questions for batch in batches], [batch.candidates for batch in batches]


def _one_per_id(rows: Iterable[Stored]) -> list[Stored]:
    kept: dict[str, Stored] = {}
    for row in rows:
        before = kept.setdefault(row.id, row)
        if before != row:
            kept[row.id] = min(before, row, key=canonical_json)
    return [kept[name] for name in sorted(kept)]
