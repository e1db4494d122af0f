"""Which families are held out: a pure function of the family's name.

No list of test questions is kept anywhere. Adding, removing or reordering questions therefore never moves
another question from one split to the other, on any machine.
"""

import hashlib
import unicodedata

from tasks.records import Split

_POSITIONS = 2**53  # every integer below it is exact as a float, so a position never rounds up to 1.0


def split_of(family: str, test_share: float) -> Split:
    """The split of a family: test for a share `test_share` (0 to 1) of all names, train for the rest.

    A larger share only ever moves families from train to test, a smaller one only from test to train.
    """
    digest = hashlib.sha256(family.encode("utf-8")).digest()
    position = (int.from_bytes(digest[:8], "big") >> 11) / _POSITIONS  # in [0, 1)
    return "test" if position < test_share else "train"


def normalised(text: str) -> str:
    """The text with case, width and other compatibility forms, and runs of whitespace made equal."""
    # Folding case can undo composition and composing can bring back foldable letters: twice reaches a fixed point.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def family_of(question: str) -> str:
    """The family of a question whose author names none: its normalised text."""
    return normalised(question)
