"""A small domain, and a home with an empty MLflow in which production writes its traces."""

import json
from pathlib import Path

import pytest

from tasks.config import Config, load_config

VERBS = ("sort", "chain", "group", "merge", "count", "split", "join", "slice")
THINGS = ("list", "dict", "set", "file")
QUESTIONS = [f"How do I {verb} a {thing} in Python?" for verb in VERBS for thing in THINGS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A domain of 28 train and 4 test questions."""
    rows = [{"question": text, "answer": "So.", "split": "test" if "slice" in text else "train"} for text in QUESTIONS]
    (tmp_path / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Config:
    settings = {"min_answers": 10, "min_ratings": 5, "max_compared": 50}
    (folder / "ratchet.yaml").write_text(json.dumps({"name": "d", "questions": "questions.jsonl", "monitor": settings}))
    return load_config(folder / "ratchet.yaml")
