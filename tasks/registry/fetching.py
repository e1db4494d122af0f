"""Getting a version back from the registry: its adapter's files, or the model as a consumer loads it."""

import tempfile
from pathlib import Path
from typing import Any

from tasks.config import Config
from tasks.errors import ModelError, first_line
from tasks.home import Home, make_writable
from tasks.records import ModelVersion
from tasks.registry.connection import connect
from tasks.registry.logging_models import PEFT_FOLDER, check_adapter_folder
from tasks.registry.mlflow_registry import download_files


def download_adapter(config: Config, home: Home, version: ModelVersion) -> Path | None:
    """The folder with the version's adapter, fetched from the registry unless it is in `home.adapters` already.

    None for the base model, which has no adapter.

    Raises:
        IntegrityError: when what is stored, here or in the registry, is not the adapter of the version.
    """
    if version.adapter is None:
        return None
    target = home.adapters / version.adapter.sha256
    if not target.exists():
        make_writable(home)
        home.adapters.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.adapters, prefix=".download.") as temporary:
            folder = download_files(config, home, version.version, Path(temporary), PEFT_FOLDER)
            check_adapter_folder(version.adapter, folder)
            folder.rename(target)
    check_adapter_folder(version.adapter, target)
    return target


def load_version(config: Config, home: Home, version: ModelVersion) -> Any:
    """The version's PeftModel as a consumer gets it from MLflow, on the device the config names.

    Raises:
        ModelError: when its files, or the base they refer to, do not load.
    """
    from safetensors import SafetensorError

    from tasks.models.hardware import choose_hardware

    hardware = choose_hardware(config.model)
    make_writable(home)
    with tempfile.TemporaryDirectory(dir=home.root, prefix=".load.") as temporary:
        folder = download_files(config, home, version.version, Path(temporary))
        with connect(config, home):
            import mlflow.transformers

            try:
                model = mlflow.transformers.load_model(str(folder), return_type="components")["model"]
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
                reason = first_line(error)
                raise ModelError(
                    f"Version {version.version} of {version.name} does not load from the registry ({reason}): "
                    f"check that its base is still at {version.base.path}, then run the promote stage again."
                ) from error
        return model.to(hardware.device).eval()
