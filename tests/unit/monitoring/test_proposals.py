"""What is proposed may be asked: no test question, none near one, no train question, nothing twice, nothing endless."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from example_answers import AT
from example_records import question
from numpy.typing import NDArray

from tasks.config import Config
from tasks.errors import IntegrityError
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.monitoring.history import monitor_folder
from tasks.monitoring.proposals import Drawn, add_proposals, are_waiting, read_proposals, screen
from tasks.records import FileRef, Question

DOMAIN = [
    question("train", text="What is a deque?"),
    question("test", text="What is a heap?", split="test"),
    question(
        "long", text="How do I write a context manager that closes two files at once and logs both names?", split="test"
    ),
]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(name="d", questions="q.jsonl", root=tmp_path)


def near(texts: Sequence[str]) -> NDArray[np.float32]:
    """Texts with `pile` mean what the test question with `heap` does."""
    heap, context, other = np.eye(3, dtype=np.float32)
    chosen = [heap if "heap" in text or "pile" in text else context if "context" in text else other for text in texts]
    return np.asarray(chosen, dtype=np.float32).reshape(-1, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("What is a heap?", "test_questions"),
        (" what is  A HEAP? ", "test_questions"),
        ("What is a deque?", "train_questions"),
        ("WHAT IS A DEQUE?", "train_questions"),
        ("???", "without_words"),
        ("\u200b\u200d\ufeff", "without_words"),
        ("word " * 201, "too_long"),
        ("x" * 1001, "too_long"),
        ("Tell me: what is a pile?", "near_test_questions"),
        (
            "Please: how do I write a context manager that closes two files at once and logs both names in Python?",
            "near_test_questions",
        ),
    ],
)
def test_what_may_not_be_asked_is_left_out_and_counted(config: Config, text: str, reason: str) -> None:
    kept, left_out = screen([text, "What is a trie?"], DOMAIN, config, near)

    assert [each.question for each in kept] == ["What is a trie?"]
    assert +left_out == {reason: 1}


def test_the_same_question_in_other_case_is_kept_once_as_a_train_question_of_its_own_family(config: Config) -> None:
    kept, left_out = screen(["What is a trie?", "what is a TRIE?"], DOMAIN, config, None)

    (trie,) = kept
    assert (trie.split, trie.answer) == ("train", None)
    assert trie.id.startswith("production-") and trie.family.startswith("production-")
    assert left_out["repeated"] == 1


def test_without_a_test_set_nothing_is_near_it(config: Config) -> None:
    kept, left_out = screen(["What is a heap?"], DOMAIN[:1], config, near)

    assert (len(kept), +left_out) == (1, {})


def ask(*texts: str) -> list[Question]:
    return [question(f"production-{text}", text=text) for text in texts]


def test_findings_take_turns_and_nothing_is_proposed_twice(home: Home) -> None:
    first = add_proposals(home, "d", [("drift", ask("a", "b", "c", "d")), ("topic", ask("b", "e"))], 3, AT)
    second = add_proposals(home, "d", [("thumbs", ask("A", "f"))], 3, AT)

    assert (first, second) == (4, 1)
    assert [(each.question, each.because) for each in read_proposals(home, "d")] == [
        ("a", "drift"),
        ("e", "topic"),
        ("b", "drift"),
        ("c", "drift"),
        ("f", "thumbs"),
    ]


def test_nothing_new_leaves_the_file_as_it_is(home: Home) -> None:
    add_proposals(home, "d", [("drift", ask("a"))], 3, AT)
    path = monitor_folder(home, "d") / "proposals.jsonl"
    before = path.stat().st_mtime_ns

    assert add_proposals(home, "d", [("drift", ask("a"))], 3, AT) == 0
    assert path.stat().st_mtime_ns == before


def test_a_damaged_file_of_proposals_is_named(home: Home) -> None:
    write_atomically(monitor_folder(home, "d") / "proposals.jsonl", b'{"question": \n')

    with pytest.raises(IntegrityError, match=r"proposals.jsonl is damaged: delete it"):
        read_proposals(home, "d")


def test_proposals_wait_until_a_round_has_drawn_from_them(home: Home, config: Config) -> None:
    import hashlib

    assert not are_waiting(config, home, 1)
    add_proposals(home, "d", [("drift", ask("a"))], 3, AT)
    assert are_waiting(config, home, 1)
    off = config.model_copy(update={"collect": config.collect.model_copy(update={"proposals": 0})})
    assert not are_waiting(off, home, 1)

    data = (monitor_folder(home, "d") / "proposals.jsonl").read_bytes()
    nothing = FileRef(sha256="0" * 64, rows=0)
    drawn = Drawn(key="k", proposals=hashlib.sha256(data).hexdigest(), questions=nothing)
    write_atomically(home.round("d", 1) / "proposals.json", canonical_json(drawn).encode())
    assert not are_waiting(config, home, 1)

    add_proposals(home, "d", [("drift", ask("b"))], 3, AT)
    assert are_waiting(config, home, 1)
