"""The tiny model, resolved and loaded."""

from pathlib import Path

import pytest
from tiny_model import write_random_adapter

from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef


@pytest.fixture
def base(tiny_model: Path) -> BaseModelRef:
    return BaseModelRef(id="tiny", path=str(tiny_model), sha256="a" * 64)


@pytest.fixture(scope="session")
def hardware() -> Hardware:
    return Hardware("cpu", "float32", 1)


@pytest.fixture(scope="session")
def adapter_source(tiny_model_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LoRA weights on the tiny model that are random and not zero."""
    folder = tmp_path_factory.mktemp("adapters") / "random"
    write_random_adapter(tiny_model_source, folder, 1)
    return folder
