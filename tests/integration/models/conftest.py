"""An adapter on the tiny model."""

from pathlib import Path

import pytest
from tiny_model import write_random_adapter


@pytest.fixture(scope="session")
def adapter_source(tiny_model_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LoRA weights on the tiny model that are random and not zero."""
    folder = tmp_path_factory.mktemp("adapters") / "random"
    write_random_adapter(tiny_model_source, folder, 1)
    return folder
