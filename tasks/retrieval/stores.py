"""The store of embeddings that `retrieval.store` names."""

from tasks.config import Config
from tasks.home import Home
from tasks.retrieval.dense import MappedFiles, VectorStore


def open_store(config: Config, home: Home) -> VectorStore:
    """The store, made when it is not there; embeddings are not searched in it while `retrieval.dense` is off.

    Raises:
        ConfigError: when its package is not installed, or its place cannot be reached.
    """
    settings = config.retrieval.store
    if settings.kind == "files" or not config.retrieval.dense:
        return MappedFiles()
    from tasks.retrieval.lance_store import connect

    return connect(settings.uri or str(home.root / "indexes" / "lancedb"), config.root, settings.approximate_from)
