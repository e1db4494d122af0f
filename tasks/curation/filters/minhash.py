"""MinHash signatures of many texts at once, and the bands by which similar texts meet.

Broder 1997 for the signatures, Leskovec, Rajaraman and Ullman's "Mining of massive datasets", chapter 3, for the
bands. Hashing runs over whole arrays of characters: no Python for each text or shingle. The permutations are those of
datasketch (`affine32`: h -> a * h + b modulo 2^32 with an odd a), which goes text by text and takes about four times
as long.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tasks.errors import first_line
from tasks.files import write_atomically
from tasks.progress import say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHINGLE = 5  # characters
PERMUTATIONS = 128
RECALL = 0.99  # of pairs just as similar as the threshold
_SEED = 1
_CHUNK_CHARACTERS = 1 << 20
FIELD_END = "\n"
_PRIME = 1_099_511_628_211  # the multiplier of the FNV hash


def bands_for(threshold: float) -> tuple[int, int]:
    """How many bands, of how many values each: the longest, so that chance meetings are few, with enough recall.

    Texts of similarity s meet in one of b bands of r values with probability 1 - (1 - s^r)^b.
    """
    for size in range(PERMUTATIONS, 0, -1):
        bands = PERMUTATIONS // size
        if 1 - (1 - threshold**size) ** bands >= RECALL:
            return bands, size
    return PERMUTATIONS, 1


def band_hashes(texts: Sequence[str], threshold: float) -> "NDArray[np.uint64]":
    """A row for each text and a column for each band: texts that are equal in one place may be similar.

    Each band has values of every field, in turn: texts that share a long field, such as an instruction, but differ
    in a short one hardly ever meet.

    Args:
        texts: one or more fields, each of five characters or more and with a line feed after it.
        threshold: the least similarity of each field that is to be found, above 0 and at most 1.
    """
    import numpy as np

    found = np.empty((len(texts), bands_for(threshold)[0]), dtype=np.uint64)
    counts = np.array([text.count(FIELD_END) for text in texts], dtype=np.intp)
    for fields in np.unique(counts):
        places = np.flatnonzero(counts == fields).tolist()
        for start, end in _chunks([texts[place] for place in places]):
            chunk = places[start:end]
            found[chunk] = _band_hashes([texts[place] for place in chunk], int(fields), threshold)
    return found


def _band_hashes(texts: Sequence[str], fields: int, threshold: float) -> "NDArray[np.uint64]":
    """`band_hashes` of texts with so many fields each."""
    import numpy as np

    bands, size = bands_for(threshold)
    random = np.random.RandomState(_SEED)
    factors = random.randint(0, 1 << 31, bands * size, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    shifts = random.randint(0, 1 << 32, bands * size, dtype=np.uint32)
    shingles = _shingle_hashes(texts, fields)
    found = np.empty((len(texts), bands), dtype=np.uint64)
    for band in range(bands):
        mixed = np.full(len(texts), band, dtype=np.uint64)
        for at in range(size):
            hashes, starts = shingles[at % fields]
            permuted = hashes * factors[band * size + at] + shifts[band * size + at]
            mixed = mixed * np.uint64(_PRIME) + np.minimum.reduceat(permuted, starts)  # (texts,)
        found[:, band] = _mix(mixed)
    return found


def kept_band_hashes(texts: Sequence[str], threshold: float, path: Path) -> "NDArray[np.uint64]":
    """`band_hashes`, read from the file where it has the text; afterwards the file has these texts and no others.

    The file knows texts by a hash of their content, so that it says nothing of a text that was withdrawn. Where it is
    damaged, that is said, and it is written anew.

    Raises:
        HomeError: when it cannot be written.
    """
    bands, size = bands_for(threshold)
    band_type = pl.Array(pl.UInt64, bands)
    schema = pl.Schema([("digest", pl.Binary()), ("bands", band_type)])
    # Whatever the hashes depend on is part of the name, so that none is taken for one of another kind.
    kind = f"{SHINGLE} {_SEED} {bands} {size} ".encode()
    digests = [hashlib.blake2b(kind + text.encode(), digest_size=16).digest() for text in texts]
    wanted = pl.DataFrame({"digest": digests}, schema={"digest": pl.Binary}).with_row_index("at")
    known = _read(path, schema)
    distinct = wanted.unique("digest", keep="first", maintain_order=True)
    missing = distinct.join(known, on="digest", how="anti", maintain_order="left")
    fresh = band_hashes([texts[at] for at in missing["at"]], threshold)
    new = missing.select("digest").with_columns(pl.Series("bands", fresh, dtype=band_type))
    present = pl.concat([known.join(distinct, on="digest", how="semi"), new])
    if len(new) or len(present) < len(known):
        buffer = io.BytesIO()
        present.sort("digest").write_parquet(buffer, compression="uncompressed")  # random numbers do not compress
        write_atomically(path, buffer.getvalue())
    found = wanted.join(present, on="digest", how="left", maintain_order="left")["bands"]
    hashes: NDArray[np.uint64] = found.to_numpy()
    return hashes


def _read(path: Path, schema: pl.Schema) -> pl.DataFrame:
    if not path.exists():
        return schema.to_frame()
    try:
        found = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        say(f"{path} is damaged ({first_line(error)}): the signatures of all texts are made anew")
        return schema.to_frame()
    # Of another threshold: nothing of it is of use.
    return found if found.schema == schema else schema.to_frame()


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Slices of the texts, each of about a million characters, or of one longer text."""
    start = size = 0
    for at, text in enumerate(texts):
        if size and size + len(text) > _CHUNK_CHARACTERS:
            yield start, at
            start, size = at, 0
        size += len(text)
    if start < len(texts):
        yield start, len(texts)


def _shingle_hashes(texts: Sequence[str], fields: int) -> "list[tuple[NDArray[np.uint32], NDArray[np.intp]]]":
    """For each field, the hashes of its shingles, text after text, and where each text's begin."""
    import numpy as np

    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    is_end = codes == ord(FIELD_END)
    ends = np.flatnonzero(is_end)
    parts = np.cumsum(is_end) - is_end  # of each character, its field's number over all texts
    begins = np.flatnonzero(ends[parts] - np.arange(len(codes)) >= SHINGLE)
    hashes = np.zeros(len(begins), dtype=np.uint64)
    for offset in range(SHINGLE):
        hashes = hashes * np.uint64(_PRIME) + codes[begins + offset]
    mixed = (_mix(hashes) >> np.uint64(32)).astype(np.uint32)
    texts_of, fields_of = np.divmod(parts[begins], fields)
    found = []
    for field in range(fields):
        is_own = fields_of == field
        found.append((mixed[is_own], np.searchsorted(texts_of[is_own], np.arange(len(texts)))))
    return found


def _mix(hashes: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """MurmurHash3's finaliser: a bijection after which every bit depends on every bit."""
    import numpy as np

    shift = np.uint64(33)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashes = (hashes ^ (hashes >> shift)) * np.uint64(factor)
    return hashes ^ (hashes >> shift)
