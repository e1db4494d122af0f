"""A real CrossEncoder, its head untrained: loaded by path, asked, and refused when it is none."""

import shutil
from pathlib import Path

import pytest
from example_documents import ANIMALS, WordModel, make_config

from tasks.errors import ModelError
from tasks.home import Home
from tasks.models.embeddings import _embedded_folder
from tasks.retrieval.index import build_index, open_index
from tasks.retrieval.reranking import load_reranker
from tasks.retrieval.retrieve import retrieve


def write_cross_encoder(folder: Path, labels: int = 1) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    with torch.random.fork_rng():
        torch.manual_seed(0)
        CrossEncoder(str(_embedded_folder()), num_labels=labels, device="cpu").save_pretrained(str(folder))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker") / "model"
    write_cross_encoder(folder)
    return folder


def test_a_reranker_scores_each_passage_with_its_question(source: Path, home: Home, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "mine")
    rerank = load_reranker(make_config(tmp_path, reranker="mine"), home, "cpu")  # relative to the config
    assert rerank is not None
    passages = [document.text for document in ANIMALS]
    scores = rerank("Where does the cat sleep?", passages)
    assert len(set(scores)) == len(passages)
    assert rerank("Where does the cat sleep?", passages[::-1]) == pytest.approx(scores[::-1], abs=1e-5)
    assert rerank("Another question", passages) != pytest.approx(scores, abs=1e-5)
    assert rerank("Where?", []) == []


def test_a_reranker_orders_what_is_retrieved(source: Path, home: Home, model: WordModel) -> None:
    config = make_config(reranker=str(source), passages=4)
    rerank = load_reranker(config, home, "cpu")
    assert rerank is not None
    index = open_index(config, home, build_index(config, home, ANIMALS, model), model)
    (passages,) = retrieve(config, index, ["Where does the cat sleep?"], model, rerank)
    scores = rerank("Where does the cat sleep?", [passage.text for passage in passages])
    assert [passage.score for passage in passages] == pytest.approx(scores, abs=1e-5)
    assert scores == sorted(scores, reverse=True)


def test_without_a_name_there_is_none(home: Home) -> None:
    assert load_reranker(make_config(), home, "cpu") is None


def test_a_model_that_cannot_rank_is_refused(home: Home, tmp_path: Path) -> None:
    write_cross_encoder(tmp_path / "three", labels=3)
    shutil.copytree(_embedded_folder(), tmp_path / "embeddings")
    remedy = "name a folder that holds one or a hub id within reach, or set it to null."
    for name, reason in (
        ("three", "it gives 3 scores for a passage, not one"),
        ("embeddings", "BertModel has no head that ranks"),
    ):
        with pytest.raises(ModelError) as caught:
            load_reranker(make_config(tmp_path, reranker=name), home, "cpu")
        assert str(caught.value) == (
            f"retrieval.reranker: {name!r} does not load as a cross-encoder ({reason}): {remedy}"
        )


@pytest.mark.parametrize("broken", ["missing", "empty", "cut", "file"])
def test_what_is_no_cross_encoder_is_refused_with_the_remedy(
    source: Path, home: Home, tmp_path: Path, broken: str
) -> None:
    folder = tmp_path / "bad"
    if broken == "empty":
        folder.mkdir()
    elif broken == "cut":
        shutil.copytree(source, folder)
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif broken == "file":
        folder.write_text("no model")
    with pytest.raises(ModelError) as caught:
        load_reranker(make_config(tmp_path, reranker="bad"), home, "cpu")
    (problem,) = caught.value.problems
    assert problem.startswith("retrieval.reranker: 'bad' does not load as a cross-encoder (")
    assert problem.endswith("): name a folder that holds one or a hub id within reach, or set it to null.")
    assert "\n" not in problem
