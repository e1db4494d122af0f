"""What the chunks of a layer name, link to and relate, kept beside the layers so that it is extracted once.

    indexes/mentions/<settings>/<sha256>/   documents.jsonl  the texts of the layer, in its order
                                            phrases.json, phrase_places.npy, phrase_ends.npy, kinds.npy
                                            targets.json, target_places.npy, target_ends.npy
                                            relations.npy    (relations, 3): chunk, phrase, phrase

The folder's name stands for everything that the same chunk is extracted by. A text that any of them holds is not
extracted again; one that is damaged is.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tasks.errors import IntegrityError
from tasks.files import canonical_json, encode_rows, parse_rows
from tasks.progress import say
from tasks.records import Count, Record, Sha256
from tasks.retrieval.folders import Manifest, read_manifest, remove_leftovers, write_folder
from tasks.retrieval.graph.phrases import Kind, title_of
from tasks.retrieval.layers import Layer, LayerDocument
from tasks.settings.retrieval import ChunkSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# To be changed with anything that changes what is extracted from the same chunk.
VERSION = 1


class ChunkText(NamedTuple):
    """What is extracted from: a chunk's text, the titles it stands under, its document's among them."""

    text: str
    titles: tuple[str, ...]


class Extracted(NamedTuple):
    """What a chunk holds.

    Attributes:
        phrases: by their keys.
        targets: of its links, as they are written.
        relations: pairs of keys of phrases that it says something about together.
        complete: whether it is all there is to find; if not, it is looked for again with the next index.
    """

    phrases: Mapping[str, Kind]
    targets: Sequence[str]
    relations: Sequence[tuple[str, str]] = ()
    complete: bool = True


Sized = TypeVar("Sized", "MentioningDocument", LayerDocument)
Extract = Callable[[Sequence[ChunkText]], list[Extracted]]


class Entries(NamedTuple):
    """Strings of chunks: those of chunk n are `names[places[ends[n - 1]:ends[n]]]`."""

    names: Sequence[str]
    places: "NDArray[np.int32]"
    ends: "NDArray[np.int64]"

    def of(self, row: int) -> slice:
        """Where a chunk's entries are."""
        return slice(int(self.ends[row - 1]) if row else 0, int(self.ends[row]))


class MentioningDocument(Record):
    """A text of a layer; it is not complete when it did not count at the time, or not all could be extracted."""

    sha256: Sha256
    chunks: Count
    complete: bool


class Mentions(NamedTuple):
    """What the chunks of a layer hold; `kinds` are those of the phrases' entries, `relations` are (relations, 3)."""

    documents: tuple[MentioningDocument, ...]
    phrases: Entries
    kinds: "NDArray[np.uint8]"
    targets: Entries
    relations: "NDArray[np.int32]"


class MentionsManifest(Manifest):
    """Which layer mentions are of."""

    layer: Sha256


class _Stored(NamedTuple):
    """Mentions that are on disk."""

    path: Path
    layer: str
    mentions: Mentions


def mentions_folder(indexes: Path, chunks: ChunkSettings, extractor: str) -> Path:
    """Where the mentions are that this extractor finds in chunks that are cut in this way."""
    # What else a layer holds of a chunk changes nothing that is extracted from it.
    cut = chunks.model_dump(exclude={"hypothetical_questions"})
    told = canonical_json({"version": VERSION, "chunks": cut, "extractor": extractor})
    return indexes / "mentions" / hashlib.sha256(told.encode()).hexdigest()[:32]


def mentions_of_layers(
    folder: Path,
    layers: Sequence[Layer],
    names: Mapping[str, str],
    extract: Extract,
    is_there: Callable[[str], bool],
) -> list[Mentions]:
    """Each layer's mentions; only texts that nothing in the folder holds are extracted from.

    What belongs to layers that are gone is deleted, so it is for the one who holds the lock of the indexes.

    Args:
        folder: of `mentions_folder`.
        names: the document of each text that counts, by the text's hash; others are not extracted from.
        is_there: whether there is a layer of that name, for this index or another.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    remove_leftovers(folder)
    stored = _intact(folder)
    known = {
        document.sha256: (each.mentions, rows.start)
        for each in stored
        for document, rows in _with_rows(each.mentions.documents)
        if document.complete
    }
    of_layer = {each.layer: each for each in stored}
    used = []
    for layer in layers:
        found = of_layer.get(layer.name)
        if found is None or any(not each.complete and each.sha256 in names for each in found.mentions.documents):
            found = _write(folder, layer.name, _extract_layer(layer, names, known, extract))
        used.append(found)
    for each in stored:
        is_old = each.layer in {layer.name for layer in layers} and each.path not in {one.path for one in used}
        if is_old or not is_there(each.layer):
            shutil.rmtree(each.path)
    return [each.mentions for each in used]


def _intact(folder: Path) -> list[_Stored]:
    """All mentions of the folder; damaged ones are deleted."""
    found: list[_Stored] = []
    for path in sorted(folder.glob("*/")):
        try:
            manifest = read_manifest(path, MentionsManifest, "it is made again")
        except IntegrityError as error:
            say(str(error))
            shutil.rmtree(path)
            continue
        found.append(_Stored(path, manifest.layer, _read(path)))
    return found


def _extract_layer(
    layer: Layer, names: Mapping[str, str], known: Mapping[str, tuple[Mentions, int]], extract: Extract
) -> Mentions:
    """What the chunks of the layer hold: of texts that are known what was found then, of others what is found now."""
    table = [Extracted({}, (), complete=False)] * len(layer.chunks)  # questions about chunks have rows, too
    new: list[tuple[int, ChunkText]] = []
    for document, rows in _with_rows(layer.documents):
        if document.sha256 in known:
            mentions, first = known[document.sha256]
            for at, row in enumerate(rows):
                table[row] = _extracted(mentions, first + at)
        elif document.sha256 in names:
            new += zip(rows, _chunk_texts(layer, rows, names[document.sha256]), strict=True)
    for (row, _), found in zip(new, extract([text for _, text in new]), strict=True):
        table[row] = found
    documents = [
        MentioningDocument(
            sha256=document.sha256, chunks=document.chunks, complete=all(table[row].complete for row in rows)
        )
        for document, rows in _with_rows(layer.documents)
    ]
    return mentions_of_chunks(documents, table)


def _chunk_texts(layer: Layer, rows: range, document_id: str) -> Iterator[ChunkText]:
    for row in rows:
        chunk = layer.chunk(row, document_id)
        title = title_of(document_id, chunk.text) if row == rows.start else None
        yield ChunkText(chunk.text, (*chunk.heading, title) if title else chunk.heading)


def _with_rows(documents: Sequence[Sized]) -> Iterator[tuple[Sized, range]]:
    """Each document with the rows of its chunks."""
    ends = accumulate(document.chunks for document in documents)
    return ((document, range(end - document.chunks, end)) for document, end in zip(documents, ends, strict=True))


def _extracted(mentions: Mentions, row: int) -> Extracted:
    names = mentions.phrases.names
    at = mentions.phrases.of(row)
    kinds = mentions.kinds[at]
    phrases = {names[place]: Kind(int(kind)) for place, kind in zip(mentions.phrases.places[at], kinds, strict=True)}
    targets = [mentions.targets.names[place] for place in mentions.targets.places[mentions.targets.of(row)]]
    first, end = mentions.relations[:, 0].searchsorted([row, row + 1])  # in the order of the chunks
    return Extracted(phrases, targets, [(names[a], names[b]) for _, a, b in mentions.relations[first:end]])


def mentions_of_chunks(documents: Sequence[MentioningDocument], chunks: Sequence[Extracted]) -> Mentions:
    """What was extracted from each chunk, as arrays."""
    import numpy as np

    phrases = entries_of([found.phrases for found in chunks])
    places = {name: place for place, name in enumerate(phrases.names)}
    relations = [(row, places[a], places[b]) for row, found in enumerate(chunks) for a, b in found.relations]
    return Mentions(
        documents=tuple(documents),
        phrases=phrases,
        kinds=np.array([kind for found in chunks for kind in found.phrases.values()], dtype=np.uint8),
        targets=entries_of([found.targets for found in chunks]),
        relations=np.array(relations, dtype=np.int32).reshape(-1, 3),
    )


def entries_of(rows: Sequence[Iterable[str]]) -> Entries:
    """The strings of each row, as arrays."""
    import numpy as np

    names: dict[str, int] = {}
    places: list[int] = []
    ends: list[int] = []
    for row in rows:
        places += [names.setdefault(name, len(names)) for name in row]
        ends.append(len(places))
    return Entries(list(names), np.array(places, dtype=np.int32), np.array(ends, dtype=np.int64))


def _write(folder: Path, layer: str, mentions: Mentions) -> _Stored:
    import numpy as np

    arrays: dict[str, NDArray[Any]] = {
        "phrase_places": mentions.phrases.places,
        "phrase_ends": mentions.phrases.ends,
        "kinds": mentions.kinds,
        "target_places": mentions.targets.places,
        "target_ends": mentions.targets.ends,
        "relations": mentions.relations,
    }

    def fill(target: Path) -> None:
        for name, array in arrays.items():
            np.save(target / f"{name}.npy", array)
        (target / "phrases.json").write_text(canonical_json(mentions.phrases.names), encoding="utf-8")
        (target / "targets.json").write_text(canonical_json(mentions.targets.names), encoding="utf-8")
        (target / "documents.jsonl").write_bytes(encode_rows(mentions.documents)[0])

    def describe(files: Mapping[str, str]) -> MentionsManifest:
        return MentionsManifest(files=files, layer=layer)

    path = folder / write_folder(folder, fill, describe)
    return _Stored(path, layer, _read(path))


def _read(folder: Path) -> Mentions:
    import numpy as np

    def entries(name: str) -> Entries:
        names = json.loads((folder / f"{name}s.json").read_bytes())
        places, ends = (np.load(folder / f"{name}_{part}.npy", mmap_mode="r") for part in ("places", "ends"))
        return Entries(names, places, ends)

    return Mentions(
        documents=tuple(parse_rows((folder / "documents.jsonl").read_bytes(), MentioningDocument)),
        phrases=entries("phrase"),
        kinds=np.load(folder / "kinds.npy", mmap_mode="r"),
        targets=entries("target"),
        relations=np.load(folder / "relations.npy", mmap_mode="r"),
    )
