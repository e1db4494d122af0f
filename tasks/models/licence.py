"""Under which licence a base model's own files say that it came."""

import struct
from pathlib import Path
from typing import BinaryIO

from tasks.domain.front_matter import split_front_matter
from tasks.errors import ModelError
from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf
from tasks.records import BaseModelRef

_LICENCE_KEYS = ("license", "licence", "license_name")
_GGUF_KEY = "general.license"
_GGUF_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # by type, of fixed size
_GGUF_STRING = 8
_LONGEST = 1 << 16  # bytes of a string; longer ones are no licence, nor the name of a key


def stated_licence(base: BaseModelRef) -> tuple[str, str] | None:
    """The licence that the base's own files state, and where they do; None where they do not.

    That is the front matter of the README.md in its folder (model cards of the Hugging Face hub have it there), or,
    for the embedded model, the metadata of its GGUF file.
    """
    readme = Path(base.path) / "README.md"
    if (said := _of_readme(readme)) is not None:
        return said, readme.name
    if base.id == EMBEDDED:
        try:
            said = gguf_licence(find_embedded_gguf())
        except ModelError:  # its wheel is gone, the model made from it is here: nothing is stated
            return None
        return (said, "GGUF metadata") if said is not None else None
    return None


def gguf_licence(path: Path) -> str | None:
    """The value of `general.license` in a GGUF file; None where it has none, or is no GGUF file.

    Only what stands before the first list is looked at, which is where the general keys are: the lists are
    vocabularies. The format is that of ggml's documentation, versions 2 and 3, little-endian.
    """
    try:
        with path.open("rb") as file:
            magic, version, _, pairs = struct.unpack("<4sIQQ", file.read(24))
            if magic != b"GGUF" or version not in (2, 3):
                return None
            for _ in range(pairs):
                key, (kind,) = _string(file), struct.unpack("<I", file.read(4))
                if kind == _GGUF_STRING:
                    value = _string(file)
                    if key == _GGUF_KEY:
                        return value or None
                elif kind in _GGUF_BYTES:
                    file.seek(_GGUF_BYTES[kind], 1)
                else:
                    return None
    except (OSError, struct.error, UnicodeDecodeError, ValueError):
        return None
    return None


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST:
        raise ValueError(f"a string of {length} bytes")
    data = file.read(length)
    if len(data) < length:
        raise ValueError("the file ends within a string")
    return data.decode("utf-8")


def _of_readme(path: Path) -> str | None:
    try:
        said, _, _ = split_front_matter(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    values = (said.get(key) for key in _LICENCE_KEYS)
    return next((value for value in values if isinstance(value, str) and value.strip()), None)
