"""Layers: documents cut, counted and embedded, in files that are never changed and that many indexes share.

    indexes/layers/<settings>/<sha256>/   documents.jsonl  the hash of each text, and how many chunks it has
                                          texts.bin        the texts in UTF-8, one after the other
                                          chunks.npy       CHUNK of each chunk: its document, its places, its bytes
                                          hashes.npy       of what is matched of each chunk
                                          headings.json    titles above chunks; vocabulary.json  terms
                                          terms.npy, counts.npy, ends.npy    the terms of each chunk
                                          vectors.npy      the embedding of each chunk, when there are any
                                          owners.npy       of hypothetical questions, when there are any: the row of
                                                           the chunk; they have rows of their own after all chunks
                                          questions.json   the questions
                                          model.npy        that of a sentence that is always the same

The folder's name stands for everything that the same text is cut and embedded by. A document that is added comes in a
new layer, one that is removed stays in its own, unused. Names of documents are the index's business.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.files import canonical_json, encode_rows, parse_rows
from tasks.records import Chunk, Count, Document, Record, Sha256
from tasks.retrieval import bm25
from tasks.retrieval.chunking import iterate_chunks, matched_text
from tasks.retrieval.folders import Manifest, map_array, read_manifest, write_folder
from tasks.retrieval.hypothetical import WriteQuestions
from tasks.settings.retrieval import ChunkSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# To be changed with anything that changes what is made of the same text.
FORMAT = 2

CHUNK = [
    ("document", "<i4"),
    ("start", "<i8"),
    ("end", "<i8"),
    ("window_start", "<i8"),
    ("window_end", "<i8"),
    ("byte", "<i8"),  # where the chunk begins in texts.bin
    ("byte_end", "<i8"),
    ("window_byte", "<i8"),
    ("window_byte_end", "<i8"),
    ("heading", "<i4"),
]

# Writes vectors.npy and model.npy into a folder, given what is matched of each row and the hashes of that.
WriteVectors = Callable[[Path, Sequence[str], "NDArray[np.bytes_]"], None]


class LayerDocument(Record):
    """A text of a layer."""

    sha256: Sha256
    chunks: Count


class LayerManifest(Manifest):
    """What a layer was made of."""

    format: int
    chunks: ChunkSettings
    embedding_model: str | None
    questions_by: str | None
    unwritten: Count


@dataclass(frozen=True)
class Layer:
    """A layer, its arrays mapped into memory.

    Attributes:
        name: its sha256.
        documents: its texts, in order.
        headings: what the `heading` of a chunk counts in.
        vectors: (rows, dimensions); None: it has none.
        model: the `probe` of the model that made them; None: there are none.
        owners: (hypothetical questions,), the row of the chunk that each is about; their own rows come after those of
            all chunks, and have no terms: those are the chunk's.
        unwritten: chunks whose hypothetical questions could not be had.
    """

    name: str
    documents: tuple[LayerDocument, ...]
    chunks: "NDArray[Any]"
    hashes: "NDArray[np.bytes_]"
    headings: tuple[tuple[str, ...], ...]
    texts: "NDArray[np.uint8]"
    counts: bm25.TermCounts
    vectors: "NDArray[np.float32] | None"
    model: "NDArray[np.float32] | None"
    owners: "NDArray[np.int64]"
    unwritten: int

    def chunk(self, row: int, document_id: str) -> Chunk:
        """The chunk in a row, under the name its document has."""
        found = self.chunks[row]
        return Chunk(
            id=f"{document_id}:{found['start']}-{found['end']}",
            document_id=document_id,
            start=int(found["start"]),
            end=int(found["end"]),
            text=self._text(found["byte"], found["byte_end"]),
            window_start=int(found["window_start"]),
            window_end=int(found["window_end"]),
            heading=self.headings[found["heading"]],
        )

    def with_questions(self, live: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
        """Which rows count, given which chunks do: a question counts when its chunk does."""
        if not len(self.owners):
            return live
        counting = live.copy()
        counting[len(live) - len(self.owners) :] = live[self.owners]
        return counting

    def chunk_row(self, row: int) -> int:
        """The row of the chunk that a row is about: of a chunk itself."""
        question = row - (len(self.chunks) - len(self.owners))
        return row if question < 0 else int(self.owners[question])

    def window(self, row: int) -> str:
        """The text that is returned for the chunk in a row."""
        return self._text(self.chunks[row]["window_byte"], self.chunks[row]["window_byte_end"])

    def _text(self, start: int, end: int) -> str:
        return self.texts[start:end].tobytes().decode("utf-8")


def settings_name(chunks: ChunkSettings, embedding_model: str | None, questions_by: str | None) -> str:
    """The folder of layers that were made in the same way."""
    told = {"chunks": chunks.model_dump(), "embedding_model": embedding_model, "questions_by": questions_by}
    return hashlib.sha256(canonical_json({"format": FORMAT, **told}).encode()).hexdigest()[:32]


def hash_of_text(text: str) -> str:
    """The sha256 of a text's UTF-8, by which texts are the same."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write_layer(
    parent: Path,
    texts: Mapping[str, Document],
    chunks: ChunkSettings,
    embedding_model: str | None,
    questions_by: str | None,
    write_vectors: WriteVectors | None,
    write_questions: WriteQuestions | None,
) -> str:
    """Cuts, counts and embeds documents, given by the hashes of their texts; returns the new layer's name.

    Args:
        questions_by: the `questions_origin` of `write_questions`.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    unwritten = 0

    def fill(folder: Path) -> None:
        nonlocal unwritten
        unwritten = _fill(folder, texts, chunks, write_vectors, write_questions)

    def describe(files: Mapping[str, str]) -> LayerManifest:
        return LayerManifest(
            files=files,
            format=FORMAT,
            chunks=chunks,
            embedding_model=embedding_model,
            questions_by=questions_by,
            unwritten=unwritten,
        )

    return write_folder(parent, fill, describe)


def open_layer(folder: Path, remedy: str) -> Layer:
    """A layer, after every byte of it was checked.

    Raises:
        IntegrityError: when anything of it is missing or altered; the sentence ends with `remedy`.
    """
    import numpy as np

    manifest = read_manifest(folder, LayerManifest, remedy)
    arrays = {path: map_array(folder / path) for path in manifest.files if path.endswith(".npy")}
    texts = folder / "texts.bin"
    return Layer(
        name=folder.name,
        documents=tuple(parse_rows((folder / "documents.jsonl").read_bytes(), LayerDocument)),
        chunks=arrays["chunks.npy"],
        hashes=arrays["hashes.npy"],
        headings=tuple(tuple(path) for path in json.loads((folder / "headings.json").read_bytes())),
        # An empty file cannot be mapped.
        texts=np.memmap(texts, mode="r").view(np.ndarray) if texts.stat().st_size else np.zeros(0, dtype=np.uint8),
        counts=bm25.TermCounts(
            arrays["terms.npy"],
            arrays["counts.npy"],
            arrays["ends.npy"],
            json.loads((folder / "vocabulary.json").read_bytes()),
        ),
        vectors=arrays.get("vectors.npy"),
        model=arrays.get("model.npy"),
        owners=arrays.get("owners.npy", np.zeros(0, dtype=np.int64)),
        unwritten=manifest.unwritten,
    )


def _fill(
    folder: Path,
    texts: Mapping[str, Document],
    settings: ChunkSettings,
    write_vectors: WriteVectors | None,
    write_questions: WriteQuestions | None,
) -> int:
    """Writes a layer's files; returns how many chunks have no questions though they should."""
    import numpy as np

    rows: list[tuple[int, ...]] = []
    matched: list[str] = []
    headings: dict[tuple[str, ...], int] = {}
    documents: list[LayerDocument] = []
    at = 0
    with (folder / "texts.bin").open("wb") as file:
        for number, (sha256, document) in enumerate(texts.items()):
            cut = list(iterate_chunks(document, settings))
            byte_of = _byte_places(document.text, cut)
            rows += [_row(number, chunk, headings, byte_of, at) for chunk in cut]
            matched += [matched_text(chunk) for chunk in cut]
            at += file.write(document.text.encode("utf-8"))
            documents.append(LayerDocument(sha256=sha256, chunks=len(cut)))
    asked = write_questions(matched) if write_questions is not None else []
    owners = [row for row, questions in enumerate(asked) for _ in questions or ()]
    questions = [question for each in asked for question in each or ()]
    rows += [rows[owner] for owner in owners]
    counts = bm25.count_terms(_expanded(matched, asked) + [""] * len(questions))
    matched += questions
    hashes = np.array([hashlib.sha256(text.encode("utf-8")).digest()[:16] for text in matched], dtype="S16")
    if write_questions is not None:
        np.save(folder / "owners.npy", np.array(owners, dtype=np.int64))
        (folder / "questions.json").write_text(canonical_json(questions), encoding="utf-8")
    for name, array in (
        ("chunks", np.array(rows, dtype=CHUNK)),
        ("hashes", hashes),
        ("terms", counts.terms),
        ("counts", counts.counts),
        ("ends", counts.ends),
    ):
        np.save(folder / f"{name}.npy", array)
    (folder / "documents.jsonl").write_bytes(encode_rows(documents)[0])
    (folder / "headings.json").write_text(canonical_json(list(headings)), encoding="utf-8")
    (folder / "vocabulary.json").write_text(canonical_json(list(counts.vocabulary)), encoding="utf-8")
    if write_vectors is not None:
        write_vectors(folder, matched, hashes)
    return asked.count(None)


def _expanded(matched: Sequence[str], asked: Sequence[Sequence[str] | None]) -> list[str]:
    """The texts of chunks, each with the questions about it."""
    if not asked:
        return list(matched)
    return ["\n".join([text, *(questions or ())]) for text, questions in zip(matched, asked, strict=True)]


def _row(
    number: int, chunk: Chunk, headings: dict[tuple[str, ...], int], byte_of: Mapping[int, int], at: int
) -> tuple[int, ...]:
    places = (chunk.start, chunk.end, chunk.window_start, chunk.window_end)
    heading = headings.setdefault(chunk.heading, len(headings))
    return (number, *places, *(at + byte_of[place] for place in places), heading)


def _byte_places(text: str, chunks: Sequence[Chunk]) -> Mapping[int, int]:
    """The byte in the text's UTF-8 at which each place of a chunk is."""
    places = sorted({place for c in chunks for place in (c.start, c.end, c.window_start, c.window_end)})
    if text.isascii():
        return {place: place for place in places}
    found: dict[int, int] = {}
    before = byte = 0
    for place in places:
        byte += len(text[before:place].encode("utf-8"))
        found[place] = byte
        before = place
    return found
