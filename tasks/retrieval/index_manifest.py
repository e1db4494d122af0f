"""What an index was made of, and whether that is what the config says."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.home import Home
from tasks.records import Count, Sha256
from tasks.retrieval.folders import Manifest
from tasks.retrieval.graph.building import GraphOrigin, graph_origin
from tasks.retrieval.hypothetical import questions_origin
from tasks.retrieval.layers import Layer
from tasks.retrieval.vectors import same_model
from tasks.settings.retrieval import ChunkSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REMEDY = "build the index again"


class IndexManifest(Manifest):
    """What an index was made of; its counts are those of IndexRef."""

    layers: tuple[Sha256, ...]
    chunking: ChunkSettings
    embedding_model: str | None
    questions_by: str | None
    graph: GraphOrigin | None
    documents: Count
    chunks: Count
    duplicate_documents: Count
    empty_documents: Count


def check_settings(config: Config, home: Home, manifest: IndexManifest) -> None:
    """Raises ConfigError when the index was built by another chunker, writer, extractor or embedding model than the
    config's."""
    if manifest.chunking != config.retrieval.chunks:
        raise ConfigError(
            f"retrieval.chunks: the index was built with {_told(manifest.chunking)}, the config says "
            f"{_told(config.retrieval.chunks)}; {REMEDY}, or set them back."
        )
    origin = questions_origin(config, home)
    if manifest.questions_by != origin:
        raise ConfigError(
            f"writer: the hypothetical questions of the index are by {manifest.questions_by}, the config's would be by "
            f"{origin}; {REMEDY}, or set it back."
        )
    wanted = graph_origin(config, home)
    if wanted is not None and manifest.graph != wanted:
        built = f"with {_told(manifest.graph)}" if manifest.graph is not None else "without a graph"
        raise ConfigError(
            f"retrieval.graph: the index was built {built}, the config says {_told(wanted)}; {REMEDY}, or set it back."
        )
    if config.retrieval.dense and manifest.embedding_model != config.model.embeddings:
        built = f"by {manifest.embedding_model!r}" if manifest.embedding_model else "without embeddings"
        raise ConfigError(
            f"model.embeddings: the index was built {built}, the config says {config.model.embeddings!r}; "
            f"{REMEDY}, or set it back."
        )


def check_model(config: Config, layers: Iterable[Layer], model: "NDArray[np.float32]") -> None:
    """Raises ConfigError when the layers' embeddings are not by the model of this probe."""
    if any(layer.model is None or not same_model(layer.model, model) for layer in layers):
        raise ConfigError(
            f"model.embeddings: {config.model.embeddings!r} gives other vectors than when the index was built, so its "
            f"weights have changed; {REMEDY}, or put them back."
        )


def _told(settings: BaseModel) -> str:
    return ", ".join(f"{key} {value}" for key, value in settings.model_dump().items())
