"""Embeddings for scoring and judging, worked out in this process or in shards on Ray.

What the reference judge and the metrics cost is the embedding of texts, so that is what goes to Ray.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.compute.shards import cut_evenly, map_shards
from tasks.config import Config
from tasks.home import Home
from tasks.models.embeddings import load_embedder
from tasks.models.hardware import Hardware

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.evaluation.metrics import Embed


@dataclass(frozen=True)
class Texts:
    """Texts to be embedded, and by what."""

    texts: Sequence[str]
    model: str
    home: Home
    device: str


def embedder(config: Config, home: Home, hardware: Hardware) -> "Embed":
    """What turns texts into rows of float32, (texts, dimensions), by `model.embeddings`.

    Shards change a number's last digits at most, as batches do.

    Raises:
        ModelError: when the model cannot be loaded.
        ComputeError: when there is no Ray cluster, or its processes keep dying.
    """
    name = config.model.embeddings
    if config.compute.engine != "ray" or config.compute.shards == 1:
        return load_embedder(name, home, hardware.device)

    def embed(texts: Sequence[str]) -> "NDArray[np.float32]":
        import numpy as np

        parts = cut_evenly(texts, config.compute.shards) or [texts]
        shards = [Texts(part, name, home, hardware.device) for part in parts]
        return np.concatenate(map_shards(embed_shard, shards, config.compute, home, hardware))

    return embed


def embed_shard(shard: Texts) -> "NDArray[np.float32]":
    """The rows of the texts, in a process of Ray's."""
    return load_embedder(shard.model, shard.home, shard.device)(shard.texts)
