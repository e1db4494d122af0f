"""Questions are drawn by hash, scrubbed, and embedded once; a damaged file of vectors costs only time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from example_answers import answered
from numpy.typing import NDArray

from tasks.monitoring.answers import QUESTION_CHARACTERS, usable_question
from tasks.monitoring.questions import draw, embed_once, scrub_questions


class Embedder:
    """Vectors of a text's length, and which texts it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.asarray([[len(text), 1.0] for text in texts], dtype=np.float32).reshape(-1, 2)


def test_each_text_is_embedded_once_and_only_those_in_use_are_kept(tmp_path: Path) -> None:
    embed, kept = Embedder(), tmp_path / "questions.npz"

    first = embed_once(["a", "bb", "a"], embed, "m", kept)
    second = embed_once(["ccc", "bb"], embed, "m", kept)
    third = embed_once(["a"], embed, "m", kept)

    assert embed.asked == ["a", "bb", "ccc", "a"]
    assert first[:, 0].tolist() == [1, 2, 1]
    assert second[:, 0].tolist() == [3, 2]
    assert third[:, 0].tolist() == [1]


def test_vectors_of_another_model_are_not_used(tmp_path: Path) -> None:
    embed, kept = Embedder(), tmp_path / "questions.npz"
    embed_once(["a"], embed, "m", kept)
    embed_once(["a"], embed, "other", kept)

    assert embed.asked == ["a", "a"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, data: bytes) -> None:
    embed, kept = Embedder(), tmp_path / "questions.npz"
    kept.write_bytes(data)

    embed_once(["a"], embed, "m", kept)
    embed_once(["a"], embed, "m", kept)

    assert embed.asked == ["a"]


def test_a_file_with_pickled_objects_is_not_loaded(tmp_path: Path) -> None:
    embed, kept = Embedder(), tmp_path / "questions.npz"
    np.savez(kept, model=np.array("m"), hashes=np.array([{}], dtype=object), vectors=np.zeros((1, 2)))

    assert embed_once(["a"], embed, "m", kept).tolist() == [[1.0, 1.0]]


def test_no_text_has_no_vector(tmp_path: Path) -> None:
    assert embed_once([], Embedder(), "m", tmp_path / "questions.npz").shape == (0, 2)


def test_at_most_so_many_are_drawn_the_same_each_time_and_none_without_a_question() -> None:
    answers = [*answered(50, question="How?"), *answered(50)]

    drawn = draw(answers, 20)

    assert drawn == draw(answers, 20)
    assert len(drawn) == 20
    assert all(each.question for each in drawn)
    assert len(draw(answers, 100)) == 50


def test_personal_data_and_keys_are_replaced(tmp_path: Path) -> None:
    texts = ["Write to jane.doe@gmail.com", "plain", "Call +49 30 901820"]

    assert scrub_questions(texts, ("DE",), tmp_path) == ["Write to [email]", "plain", "Call [phone]"]


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("  How?  ", "How?"),
        ("", None),
        (" \n\t", None),
        ("\u200b\u200d\u2060", None),
        ("???", None),
        ("退货", "退货"),
        ("half \ud83d a pair", "half ? a pair"),
        ("a" * 5_000_000, "a" * QUESTION_CHARACTERS),
    ],
)
def test_a_question_is_its_beginning_and_none_without_a_word(text: str, usable: str | None) -> None:
    assert usable_question(text) == usable
