"""Groundedness without a language model: how much of an answer stands in the passages it was given.

`context_overlap`: the share of the answer's words that occur in its contexts, in [0, 1]. Every word of the answer
counts, small ones too, and one that the contexts hold once supports all of its repetitions. An answer without words
or without contexts scores 0, for nothing of it can be found there.

It sees that an answer was made up of other words, and overlooks one that puts the passages' own words together
wrongly; an arm without retrieval has no contexts and is not measured.
"""

from collections.abc import Sequence

from tasks.words import split_words

CONTEXT_OVERLAP = "context_overlap"


def context_overlap(answer: str, contexts: Sequence[str]) -> float:
    """The share of the answer's words found in its contexts, 0 to 1."""
    words = split_words(answer)
    if not words:
        return 0.0
    known = {word for context in contexts for word in split_words(context)}
    return sum(word in known for word in words) / len(words)
