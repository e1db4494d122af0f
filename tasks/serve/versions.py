"""A registered version that answers: its model in memory, and the arm that it is."""

import time
from dataclasses import dataclass
from typing import Any, Literal

from tasks.config import Config
from tasks.errors import ModelError, first_line
from tasks.home import Home
from tasks.models.generation import GREEDY, encode_prompts
from tasks.models.hardware import Hardware
from tasks.models.loading import load_model, load_tokenizer
from tasks.models.prompting import build_messages
from tasks.records import ModelVersion
from tasks.registry.fetching import download_adapter
from tasks.settings.serve import ServeSettings

Role = Literal["champion", "challenger"]


@dataclass(frozen=True)
class Loaded:
    """A version whose model is in memory.

    Attributes:
        retrieves: whether it is given passages.
        loaded_at: seconds since 1970.
    """

    version: ModelVersion
    model: Any
    tokenizer: Any
    retrieves: bool
    loaded_at: float

    @property
    def arm(self) -> str:
        """`base`, `rag`, `ft` or `rag_ft`."""
        if self.version.adapter is None:
            return "rag" if self.retrieves else "base"
        return "rag_ft" if self.retrieves else "ft"


def retrieves(settings: ServeSettings, version: ModelVersion) -> bool:
    """Whether the version is given passages: as it was trained, unless the settings say."""
    if settings.retrieval != "auto":
        return settings.retrieval == "always"
    return version.adapter is not None and version.adapter.contexts is not None


def load(config: Config, home: Home, version: ModelVersion, hardware: Hardware) -> Loaded:
    """The version, loaded and tried: it has generated a token.

    Raises:
        RatchetError: when its files are damaged or missing, MLflow cannot be reached, or the model does not run.
    """
    from tasks.serve.decoding import Row, decode_rows

    folder = download_adapter(config, home, version)
    model, tokenizer = load_model(version.base, folder, hardware), load_tokenizer(version.base)
    (prompt,) = encode_prompts(tokenizer, [build_messages(config.system_prompt, "?")])
    try:
        decode_rows(model, tokenizer, [Row(prompt, 1, GREEDY, 1.0, lambda token, ends: False)])
    except Exception as error:
        raise ModelError(
            f"Version {version.version} of {version.name} is loaded but does not answer ({first_line(error)}): run "
            "`ratchet rollback`, or a round that trains another."
        ) from error
    return Loaded(version, model, tokenizer, retrieves(config.serve, version), time.time())
