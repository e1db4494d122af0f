"""What is stored is what the records promise, and names its base so that others find it."""

from pathlib import Path

import pytest
from example_models import adapter

from tasks.errors import IntegrityError
from tasks.files import sha256_of_directory
from tasks.records import BaseModelRef
from tasks.registry.logging_models import ADAPTER_FILES, check_adapter_folder, hub_reference, requirements


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ADAPTER_FILES:
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_folder_with_the_promised_files_is_accepted_whatever_else_is_in_it(folder: Path):
    promised = adapter(sha256=sha256_of_directory(folder, ADAPTER_FILES), round=2)
    (folder / "README.md").write_text("not part of the hash")
    check_adapter_folder(promised, folder)


def test_a_folder_with_other_weights_is_refused(folder: Path):
    promised = adapter(sha256=sha256_of_directory(folder, ADAPTER_FILES), round=2)
    (folder / "adapter_model.safetensors").write_text("altered")
    found = sha256_of_directory(folder, ADAPTER_FILES)
    with pytest.raises(IntegrityError) as caught:
        check_adapter_folder(promised, folder)
    assert caught.value.problems == (
        f"{folder} is not the adapter of round 2 (sha256 {found[:12]}, expected {promised.sha256[:12]}): delete the "
        "folder and run the round again.",
    )


def test_a_folder_without_weights_is_refused(folder: Path):
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(IntegrityError) as caught:
        check_adapter_folder(adapter(), folder)
    assert caught.value.problems == (f"{folder} has no adapter_model.safetensors: run the round again.",)


@pytest.mark.parametrize(
    ("name", "path", "reference"),
    [
        ("org/tiny", "/c/hub/models--org--tiny/snapshots/0a1b", ("org/tiny", "0a1b")),
        ("gpt2", "/c/hub/models--gpt2/snapshots/0a1b", ("gpt2", "0a1b")),
        ("/models/tiny", "/models/tiny", None),
        ("/c/hub/models--org--tiny/snapshots/0a1b", "/c/hub/models--org--tiny/snapshots/0a1b", None),
        ("org/other", "/c/hub/models--org--tiny/snapshots/0a1b", None),
    ],
)
def test_a_base_from_the_hub_is_recognised_by_where_it_lies(name: str, path: str, reference: tuple[str, str] | None):
    assert hub_reference(BaseModelRef(id=name, path=path, sha256="b" * 64)) == reference


def test_requirements_pin_public_versions():
    pinned = requirements()
    assert {line.split("==")[0] for line in pinned} == {
        "accelerate",
        "mlflow",
        "peft",
        "safetensors",
        "torch",
        "transformers",
    }
    assert not any("+" in line or "None" in line for line in pinned)
