"""Whether the documents are still those of the last finished round: what calls for a round without a new label."""

import hashlib
from pathlib import Path

from pydantic import ValidationError

from tasks.config import Config
from tasks.domain.documents import matched_files, read_documents
from tasks.feedback.new_labels import notes_folder
from tasks.files import canonical_json, encode_rows, sha256_of, write_atomically
from tasks.home import Home
from tasks.records import Record, Sha256
from tasks.rounds import read_rounds


class DocumentsNews(Record):
    """Documents that a round was asked for because of; kept until others are.

    Attributes:
        documents: the sha256 of the documents, as a round's domain names them.
    """

    documents: Sha256


def look_at_files(config: Config) -> str:
    """A hash of the names, sizes and times of the files of documents: as long as it stands, nobody has touched them.

    Raises:
        DomainError: for each glob that matches no file.
    """
    files = matched_files(config.root, config.documents)
    stats = {name: path.stat() for name, path in files.items()}
    return sha256_of({name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()})


def documents_sha256(config: Config) -> str:
    """The sha256 of the documents as they are now, the same that a round beginning now would name.

    Raises:
        DomainError: for each glob that matches no file.
    """
    data, _ = encode_rows(read_documents(config.root, config.documents).documents)
    return hashlib.sha256(data).hexdigest()


def news_of_documents(config: Config, home: Home) -> DocumentsNews | None:
    """The documents, when they differ from those of the last finished round and no round was asked for because of them.

    Before the first finished round there are no news: whoever begins with a domain starts its first round.

    Raises:
        DomainError: for each glob that matches no file.
        IntegrityError: when a file of the ledger is damaged.
    """
    finished = [opened for opened, end in read_rounds(home, config.name) if end is not None]
    if not finished:
        return None
    now = DocumentsNews(documents=documents_sha256(config))
    if now.documents == finished[-1].domain.documents.sha256 or now == read_news(home, config.name):
        return None
    return now


def read_news(home: Home, domain: str) -> DocumentsNews | None:
    """The documents that a round was asked for last because of; None when none was, or the note is unreadable."""
    try:
        return DocumentsNews.model_validate_json(_note(home, domain).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_news(home: Home, domain: str, news: DocumentsNews) -> None:
    """Notes that a round was asked for.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    write_atomically(_note(home, domain), canonical_json(news).encode())


def _note(home: Home, domain: str) -> Path:
    return notes_folder(home) / f"{domain}.documents.json"
