"""Weights that come as pickles are never opened: unpickling runs whatever the file says."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from example_documents import make_config

from tasks.errors import ModelError
from tasks.home import Home
from tasks.models.embeddings import _embedded_folder, load_embedder
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model
from tasks.records import BaseModelRef
from tasks.retrieval.reranking import load_reranker


class Intruder:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.trace, "I ran")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


def plant(weights: Path, trace: Path) -> None:
    """Puts a pickle in the weights' place, under the name by which transformers would find it."""
    weights.unlink()
    weights.with_name("pytorch_model.bin").write_bytes(pickle.dumps({"weight": Intruder(trace)}))


def test_the_planted_pickle_would_run(tmp_path: Path, trace: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    plant(tmp_path / "model.safetensors", trace)
    pickle.loads((tmp_path / "pytorch_model.bin").read_bytes())
    assert trace.read_text() == "I ran"


def test_a_base_in_pickles_is_refused_unopened(
    base: BaseModelRef, tiny_model: Path, hardware: Hardware, trace: Path
) -> None:
    plant(tiny_model / "model.safetensors", trace)
    with pytest.raises(ModelError) as caught:
        load_model(base, None, hardware)
    assert "model.safetensors" in str(caught.value)
    assert not trace.exists()


def test_an_adapter_in_pickles_is_refused_unopened(
    base: BaseModelRef, adapter_source: Path, hardware: Hardware, tmp_path: Path, trace: Path
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_bytes((adapter_source / "adapter_config.json").read_bytes())
    (folder / "adapter_model.bin").write_bytes(pickle.dumps({"weight": Intruder(trace)}))
    with pytest.raises(ModelError, match=r"it has no adapter_model\.safetensors"):
        load_model(base, folder, hardware)
    assert not trace.exists()


def test_embeddings_and_rerankers_in_pickles_are_refused_unopened(tmp_path: Path, trace: Path) -> None:
    folder = Path(shutil.copytree(_embedded_folder(), tmp_path / "model"))
    plant(folder / "model.safetensors", trace)
    home = Home(tmp_path / "home")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_embedder(str(folder), home, "cpu")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_reranker(make_config(tmp_path, reranker="model"), home, "cpu")
    assert not trace.exists()
