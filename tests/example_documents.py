"""Documents, and an embedding model that tests can count on: texts are alike by the words that they share."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.config import Config
from tasks.records import Document
from tasks.words import split_words

DIMENSIONS = 64


class WordModel:
    """Embeds a text by its words, and remembers what it was asked. Another `seed` is another model."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = [self._vector(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    def _vector(self, text: str) -> NDArray[np.float32]:
        total = np.full(DIMENSIONS, 1e-3)
        for word in split_words(text):
            digest = hashlib.sha256(f"{self.seed} {word}".encode()).digest()
            total += np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(DIMENSIONS)
        return (total / np.linalg.norm(total)).astype(np.float32)


def make_config(root: Path = Path("/nowhere"), **retrieval: Any) -> Config:
    """A config with these settings of retrieval."""
    return Config.model_validate({"name": "d", "questions": "q.jsonl", "root": root, "retrieval": retrieval})


def document(name: str, text: str) -> Document:
    return Document(id=name, text=text)


ANIMALS = [
    document("cat.md", "# Cats\n\nThe cat sleeps on the warm mat. It purrs when it is stroked.\n"),
    document("dog.md", "# Dogs\n\nThe dog guards the old house. It barks at strangers at night.\n"),
    document("fish.md", "# Fish\n\nThe fish swims in the deep pond. It eats small insects.\n"),
    document("bird.txt", "The bird sings in the tall tree. It builds a nest of twigs.\n"),
]
