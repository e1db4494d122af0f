"""The file of synthetic questions: each marked, in the format of a domain's questions, and apart from people's.

A row names its document in `sources`, shares its `family` with all questions of that document, and is a train question.
Its `metadata`: `synthetic` true; `writer`, the template or model; `evidence`, the places of the first character that
holds the answer and of the one after the last, in the document's text; `run`, the hash of what it was made from.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.domain.json_objects import parse_object
from tasks.errors import DomainError
from tasks.files import encode_rows, sha256_of, write_atomically
from tasks.home import Home
from tasks.synthetic_questions.drafts import Draft
from tasks.synthetic_questions.synthesis import Synthesis


def check_target(config: Config, out: Path, *, force: bool) -> None:
    """Returns when the file may be written.

    Raises:
        DomainError: when it is one of the config's files of people's questions, a folder, or a file that is there
            already, unless it holds nothing but synthetic questions and `force` is on.
    """
    if out.is_dir():
        raise DomainError(f"{out} is a folder: name a file for the questions.")
    if not out.exists():
        return
    if not _holds_synthetic_only(out):
        named = any(path.exists() and path.samefile(out) for path in config.question_files)
        what = "is a file of the config's `questions`" if named else "is there already"
        raise DomainError(
            f"{out} {what} and not all in it is marked as synthetic: name a file of its own for synthetic questions."
        )
    if not force:
        raise DomainError(f"{out} is there already: name another file, or write it anew with --force.")


def kept_path(config: Config, home: Home, synthesis: Synthesis) -> Path:
    """Where a run's questions are kept below RATCHET_HOME."""
    return home.root / "synthetic_questions" / config.name / f"{synthesis.run}.jsonl"


def write_file(path: Path, synthesis: Synthesis) -> None:
    """Writes the questions, in place of what is there.

    Raises:
        HomeError: when the file cannot be written.
    """
    write_atomically(path, encode_rows(rows_of(synthesis.drafts, synthesis.run))[0])


def rows_of(drafts: Sequence[Draft], run: str) -> list[dict[str, Any]]:
    """The drafts as rows of a file of questions."""
    return [
        {
            "id": f"s-{sha256_of([draft.question, draft.document_id, draft.start, draft.end])[:16]}",
            "question": draft.question,
            "answer": draft.answer,
            "family": f"document {draft.document_id}",
            "split": "train",
            "sources": [draft.document_id],
            "metadata": {
                "synthetic": True,
                "writer": draft.writer,
                "evidence": [draft.start, draft.end],
                "run": run,
            },
        }
        for draft in drafts
    ]


def _holds_synthetic_only(path: Path) -> bool:
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
        rows = [parse_object(line) for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError, DomainError):
        return False
    return bool(rows) and all(
        isinstance(row.get("metadata"), dict) and row["metadata"].get("synthetic") is True for row in rows
    )
