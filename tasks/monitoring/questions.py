"""Production's questions as they are compared: without personal data, each text once embedded.

monitor/<domain>/questions.npz   hashes and vectors of the texts that the last look compared
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.files import sha256_of, write_atomically
from tasks.monitoring.answers import ProductionAnswer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], "NDArray[np.float32]"]
_AT_ONCE = 256


def draw(answers: Sequence[ProductionAnswer], most: int) -> list[ProductionAnswer]:
    """At most so many of the answers whose question is known, drawn by the hash of their ids, in their order.

    A question that was asked often counts as often.
    """
    asked = [answer for answer in answers if answer.question is not None]
    chosen = sorted(range(len(asked)), key=lambda place: sha256_of({"monitor": asked[place].id}))[:most]
    return [asked[place] for place in sorted(chosen)]


def scrub_questions(texts: Sequence[str], phone_regions: Sequence[str], rule_cache: Path) -> list[str]:
    """The texts with personal data and keys replaced by tags, as curation does it."""
    import polars as pl

    from tasks.curation.filters.personal_data import scrub_personal_data

    nothing = pl.lit(None, dtype=pl.String)
    rows = pl.DataFrame({"question": list(texts)}, schema={"question": pl.String}).with_columns(
        completion=nothing, rejected=nothing
    )
    scrubbed, _ = scrub_personal_data(rows, phone_regions=phone_regions, rule_cache=rule_cache)
    return scrubbed["question"].to_list()


def embed_once(texts: Sequence[str], embed: Embed, model: str, kept: Path) -> "NDArray[np.float32]":
    """The embeddings (texts, dimensions); those that the file `kept` has are not computed again.

    The file then has these texts and no others; one that is damaged, or by another model, is made anew.

    Args:
        model: its name, which the file's vectors have to be by.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    import numpy as np

    if not texts:
        return embed([])
    known = _read(kept, model)
    hashes = [hashlib.sha256(text.encode("utf-8")).hexdigest() for text in texts]
    missing = {name: text for name, text in zip(hashes, texts, strict=True) if name not in known}
    for names in _in_blocks(sorted(missing, key=lambda name: (len(missing[name]), name))):
        known |= dict(zip(names, np.asarray(embed([missing[name] for name in names]), np.float32), strict=True))
    used = sorted(set(hashes))
    if missing or len(known) > len(used):
        buffer = io.BytesIO()
        vectors = np.stack([known[name] for name in used])
        np.savez(buffer, model=np.array(model), hashes=np.array(used), vectors=vectors)
        write_atomically(kept, buffer.getvalue())
    return np.stack([known[name] for name in hashes])


def _read(path: Path, model: str) -> "dict[str, NDArray[np.float32]]":
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["model"]) != model:
                return {}
            return dict(zip(file["hashes"].tolist(), file["vectors"], strict=True))
    except (FileNotFoundError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def _in_blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
