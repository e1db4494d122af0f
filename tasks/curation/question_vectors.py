"""Vectors of questions, to find those that mean the same as a test question."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.curation.filters.decontamination import Embed
from tasks.home import Home

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def question_embedder(config: Config, home: Home) -> Embed | None:
    """From texts to their vectors, (texts, dimensions), each text embedded once; None where the config compares none.

    The model is loaded when it is first needed: most rounds curate few questions that are new.

    Raises, when it is called:
        ModelError: when `model.embeddings` cannot be loaded.
    """
    if config.curate.decontamination.similarity is None:
        return None
    known: dict[str, NDArray[np.float32]] = {}
    loaded: list[Embed] = []

    def embed(texts: Sequence[str]) -> "NDArray[np.float32]":
        import numpy as np

        if new := sorted(set(texts) - known.keys()):
            if not loaded:
                loaded.append(_load(config, home))
            known.update(zip(new, np.asarray(loaded[0](new), dtype=np.float32), strict=True))
        return np.stack([known[text] for text in texts]) if texts else np.zeros((0, 0), dtype=np.float32)

    return embed


def _load(config: Config, home: Home) -> Embed:
    from tasks.models.embeddings import load_embedder
    from tasks.models.hardware import choose_hardware

    return load_embedder(config.model.embeddings, home, choose_hardware(config.model).device)
