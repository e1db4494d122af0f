"""Embeddings of chunks: each text is embedded once, and what a killed process had embedded is not lost.

indexes/layers/<settings>/embedded/<sha256>.npz    hashes and vectors of a block of texts, until their layer is there
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ModelError
from tasks.files import write_atomically
from tasks.progress import track

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]
Known = tuple["NDArray[np.bytes_]", "NDArray[np.float32]"]  # hashes of texts, and their vectors

# Texts embedded between two writes: what a killed process loses at most.
BLOCK = 1024

# Two runs of one model on one text differ by less than this, two models by far more.
SAME_COSINE = 0.999

_PROBE = "The ratchet turns one way, and each of its teeth holds what the last turn has gained: 1, 2, 3."


def probe(embed: Embed) -> "NDArray[np.float32]":
    """The model's vector of a sentence that is always the same: it tells one model from another of that name."""
    vector: NDArray[np.float32] = embed([_PROBE])[0]
    return vector


def same_model(a: "NDArray[np.float32]", b: "NDArray[np.float32]") -> bool:
    """Whether two probes are of one model."""
    return a.shape == b.shape and float(a @ b) >= SAME_COSINE


def write_vectors(
    path: Path,
    texts: Sequence[str],
    hashes: "NDArray[np.bytes_]",
    known: Iterable[Known],
    embed: Embed,
    model: "NDArray[np.float32]",
    kept: Path,
) -> None:
    """Writes the texts' embeddings, (texts, dimensions), as a .npy file; embeds those that are not `known`.

    Args:
        model: the `probe` of `embed`.
        kept: a folder in which each block that was embedded is kept, for the case that this process dies.

    Raises:
        ModelError: when the model gives anything else than one finite vector of that length for each text.
    """
    import numpy as np

    # Mapped, so that many vectors need no memory of their own.
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(texts), len(model)))
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    is_known = np.zeros(len(unique), dtype=bool)
    for known_hashes, known_vectors in known:
        order = np.argsort(known_hashes)
        places = np.searchsorted(known_hashes, unique, sorter=order).clip(max=max(0, len(order) - 1))
        hit = ~is_known & (known_hashes[order[places]] == unique) if len(order) else np.zeros_like(is_known)
        out[first[hit]] = known_vectors[order[places[hit]]]
        is_known |= hit
    for rows, vectors in _embedded(first[~is_known], texts, embed, len(model)):
        out[rows] = vectors
        _keep(kept, hashes[rows], vectors, model)
    repeated = np.flatnonzero(first[inverse] != np.arange(len(texts)))
    out[repeated] = out[first[inverse[repeated]]]
    out.flush()


def _embedded(
    rows: "NDArray[np.int64]", texts: Sequence[str], embed: Embed, dimensions: int
) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]":
    """The vectors of some rows of `texts`, in blocks of texts of like length."""
    import numpy as np

    if not len(rows):
        return
    by_length = sorted((int(row) for row in rows), key=lambda row: len(texts[row]))
    with track("Embedding chunks", total=len(rows)) as advance:
        for start in range(0, len(by_length), BLOCK):
            block = by_length[start : start + BLOCK]
            vectors = np.asarray(embed([texts[row] for row in block]), dtype=np.float32)
            if vectors.shape != (len(block), dimensions) or not np.isfinite(vectors).all():
                raise ModelError(
                    f"model.embeddings: the model gave vectors of shape {vectors.shape} for {len(block)} texts, where "
                    f"{(len(block), dimensions)} finite numbers were due: name another model."
                )
            yield np.array(block), vectors
            advance(len(block))


def _keep(folder: Path, hashes: "NDArray[np.bytes_]", vectors: "NDArray[np.float32]", model: Any) -> None:
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, hashes=hashes, vectors=vectors, model=model)
    data = buffer.getvalue()
    write_atomically(folder / f"{hashlib.sha256(data).hexdigest()}.npz", data)


def read_kept(folder: Path, model: "NDArray[np.float32]") -> Iterator[Known]:
    """The blocks by this model that a killed process left; a damaged one is deleted, its texts are embedded again."""
    import numpy as np

    for path in sorted(folder.glob("*.npz")):
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != path.stem:
            path.unlink()
            continue
        with np.load(io.BytesIO(data)) as block:
            if same_model(block["model"], model):
                yield block["hashes"], block["vectors"]
