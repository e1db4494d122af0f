"""The documents of a domain: every file its globs name, as plain text, and why the others were left out."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.domain.document_text import parse_file
from tasks.errors import DomainError, raise_collected
from tasks.records import Document


class DocumentsRead(NamedTuple):
    """The documents that were read.

    Attributes:
        documents: sorted by id.
        skipped: a sentence for each file left out.
        remarks: a sentence for each file with metadata that could not be read and were left as text.
    """

    documents: list[Document]
    skipped: list[str]
    remarks: list[str]


def read_documents(root: Path, globs: Sequence[str]) -> DocumentsRead:
    """The documents below `root` that the globs match.

    A document's id is its path relative to `root` with forward slashes, so it does not change when the whole
    folder moves. Its metadata are `format` (md, html, ...), `folder` (of the id; "" for the root itself), and what the
    file says of itself. A file that cannot be read never stops the others.

    Raises:
        DomainError: for each glob that matches no file.
    """
    documents: list[Document] = []
    skipped: list[str] = []
    remarks: list[str] = []
    for document_id, path in sorted(matched_files(root, globs).items()):
        try:
            parsed = parse_file(path.suffix, path.read_bytes())
            place = {"format": path.suffix[1:].lower(), "folder": document_id.rpartition("/")[0]}
            metadata = {**parsed.metadata, **place}
            documents.append(Document(id=_storable(document_id), text=parsed.text, metadata=metadata))
            remarks += [f"{document_id}: {parsed.problem}"] if parsed.problem else []
        except DomainError as error:
            skipped += [f"{_encodable(document_id)} was skipped: {problem}" for problem in error.problems]
        except OSError as error:
            skipped.append(
                f"{_encodable(document_id)} was skipped: it cannot be read ({error.strerror}); check its permissions."
            )
    return DocumentsRead(documents, skipped, remarks)


def matched_files(root: Path, globs: Sequence[str]) -> dict[str, Path]:
    """The files below `root` that the globs match, by document id.

    Raises:
        DomainError: for each glob that matches no file.
    """
    files: dict[str, Path] = {}
    problems: list[str] = []
    for pattern in globs:
        matched = _match(root, pattern)
        if not matched:
            problems.append(_describe_no_match(root, pattern))
        files.update((_id_of(path, root), path) for path in matched)
    raise_collected(DomainError, problems)
    return _without_links_to_the_same(files)


def _without_links_to_the_same(files: dict[str, Path]) -> dict[str, Path]:
    """The files with one id each, the shortest: links to folders can make one file appear many times."""
    unique: dict[Path, str] = {}
    for document_id in sorted(files, key=lambda name: (len(name), name)):
        unique.setdefault(files[document_id].resolve(), document_id)
    return {document_id: files[document_id] for document_id in unique.values()}


def _match(root: Path, pattern: str) -> list[Path]:
    named = root / pattern
    if named.is_file():  # a name such as "notes [draft].md" is not a pattern
        return [named]
    # pathlib's glob takes hidden files, and means different things by "**" from one Python to the next.
    names = glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    return [path for path in (root / name for name in names) if path.is_file()]


def _describe_no_match(root: Path, pattern: str) -> str:
    if pattern.strip("/") and (root / pattern).is_dir():
        example = f"{pattern.rstrip('/')}/**/*.md"
        return f"documents: {pattern!r} is a folder in {root}; name its files, for example {example!r}."
    return f"documents: {pattern!r} matches no file in {root}; correct it, or add the files."


def _id_of(path: Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _storable(document_id: str) -> str:
    if _encodable(document_id) != document_id:
        raise DomainError("its name is not UTF-8; rename it.")
    return document_id


def _encodable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
