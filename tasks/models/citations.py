"""Citations at the end of an answer: the numbers of the passages in its prompt that hold it, as in `It joins. [1]`."""

import re
from collections.abc import Iterable

_GROUP = r"\[[0-9]{1,3}(?:\s*,\s*[0-9]{1,3})*\]"
# A space must come before them: `x[1]` cites nothing.
_AT_THE_END = re.compile(rf"\s+({_GROUP}(?:\s*{_GROUP})*)\s*([.!?。]?)$")
_NUMBER = re.compile(r"[0-9]+")


def add_citations(text: str, numbers: Iterable[int]) -> str:
    """The text with ` [1] [3]` behind it for the numbers 1 and 3, each once and in order; without any, the text."""
    return " ".join([text.rstrip(), *(f"[{number}]" for number in sorted(set(numbers)))])


def split_citations(text: str) -> tuple[str, tuple[int, ...]]:
    """The text without the citations at its end, and their numbers, each once, in the order of the text.

    `[1] [2]`, `[1][2]` and `[1, 2]` are the same. A full stop behind the citations goes back to the text. An answer
    that is nothing but brackets is a text, not a citation.
    """
    stripped = text.rstrip()
    found = _AT_THE_END.search(stripped)
    if found is None or not stripped[: found.start()].strip():
        return stripped, ()
    numbers = tuple(dict.fromkeys(int(number) for number in _NUMBER.findall(found[1])))
    return stripped[: found.start()] + found[2], numbers
