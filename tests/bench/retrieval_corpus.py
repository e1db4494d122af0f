"""Documents, questions and vectors for the bench of retrieval, the same for the same seed on every machine.

A document is sentences of the docstrings of Python's standard library, drawn and put together to about 60 words, one
chunk. A question is a few words in a row from each of two of its sentences; each sentence is in many documents, both of
them in few. A vector is the weighted sum of a random one for each word, rare words weighing more, so that texts are
near each other by the words that they share: a model would need an hour for so many texts.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tasks.domain.stdlib_docstrings import find_entries
from tasks.records import Document
from tasks.retrieval.spans import split_sentences
from tasks.words import split_words

WORDS = 60
DIMENSIONS = 384
SPAN = 5  # words of a question from each of two sentences


class Asked(NamedTuple):
    """A question, and the document whose words it has."""

    question: str
    document_id: str


def iterate_texts() -> Iterator[list[str]]:
    """The sentences of one text after the other, without end."""
    entries = find_entries()
    rng = random.Random(0)
    sentences = _sentences()
    number = 0
    while True:
        number += 1
        text = [f"{rng.choice(entries).name} {number}."]
        while sum(len(each.split()) for each in text) < WORDS:
            text.append(rng.choice(sentences))
        yield text


def make_corpus(documents: int) -> list[Any]:
    """The first so many documents; a larger number keeps the smaller one's."""
    texts = iterate_texts()
    return [
        Document.model_construct(id=f"{n:06}.txt", text=" ".join(next(texts)), metadata={}) for n in range(documents)
    ]


def make_questions(documents: int, number: int) -> list[Asked]:
    """Questions about some of the first so many documents."""
    texts = iterate_texts()
    made = [next(texts) for _ in range(documents)]
    rng = random.Random(1)
    asked: list[Asked] = []
    while len(asked) < number:
        at = rng.randrange(documents)
        long = [words for words in map(str.split, made[at][1:]) if len(words) >= SPAN]
        if len(long) >= 2:
            asked.append(Asked(" ".join(_span(rng, words) for words in rng.sample(long, 2)), f"{at:06}.txt"))
    return asked


class Embedder:
    """Embeds texts by their words; those that were put in beforehand are looked up."""

    def __init__(self) -> None:
        rows = [dict.fromkeys(split_words(sentence)) for sentence in _sentences()]  # sets have another order each time
        found = Counter(word for row in rows for word in row)
        self._words = {word: at for at, word in enumerate(found)}
        weights = np.array([math.log(len(rows) / count) for count in found.values()], dtype=np.float32)
        vectors = np.random.default_rng(0).standard_normal((len(found), DIMENSIONS), dtype=np.float32)
        self._vectors = vectors * weights[:, None]
        self._known: dict[str, NDArray[np.float32]] = {}

    def look_up(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds the texts, keeps their vectors and returns them: (texts, dimensions)."""
        vectors = self._embed(texts)
        self._known.update(zip(texts, vectors, strict=True))
        return vectors

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The texts' vectors of length 1: (texts, dimensions)."""
        if all(text in self._known for text in texts):
            return np.stack([self._known[text] for text in texts]) if texts else self._embed(texts)
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[self._words[word] for word in split_words(text) if word in self._words] for text in texts]
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.array([word for row in rows for word in row], dtype=np.int32)
        counts = csr_array((np.ones(len(columns), np.float32), columns, ends), shape=(len(texts), len(self._words)))
        vectors = counts @ self._vectors + np.float32(1e-6)  # no text is without a direction
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _sentences() -> list[str]:
    sentences = [" ".join(each.split()) for entry in find_entries() for each in split_sentences(entry.docstring)]
    return [sentence for sentence in dict.fromkeys(sentences) if 3 <= len(sentence.split()) <= 40]


def _span(rng: random.Random, words: Sequence[str]) -> str:
    start = rng.randrange(len(words) - SPAN + 1)
    return " ".join(words[start : start + SPAN])
