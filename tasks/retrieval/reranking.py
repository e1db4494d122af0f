"""Reranking: a cross-encoder reads question and passage together, which is slower and more exact than two vectors."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.config import Config
from tasks.errors import ModelError, first_line
from tasks.home import Home
from tasks.models.embeddings import NO_PICKLES, quiet_loading

_RANKING_HEADS = ("ForSequenceClassification", "ForCausalLM")

# From a question and passages to how well each answers it; higher is better.
Rerank = Callable[[str, Sequence[str]], list[float]]


def load_reranker(config: Config, home: Home, device: str) -> Rerank | None:
    """The cross-encoder that `retrieval.reranker` names; None when it names none, and reranking is skipped.

    A relative path starts at the config's folder. Hub ids are downloaded below `home.models`.

    Args:
        device: `cpu`, `cuda` or `mps`.

    Raises:
        ModelError: when there is no cross-encoder of that name.
    """
    name = config.retrieval.reranker
    if name is None:
        return None
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder

    folder = config.root / Path(name).expanduser()
    source = str(folder) if folder.exists() else name
    try:
        with quiet_loading():
            model = CrossEncoder(source, cache_folder=str(home.models), device=device, model_kwargs=NO_PICKLES)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, HfHubHTTPError) as error:
        raise ModelError(_cannot_load(name, first_line(error))) from error
    architecture = str((model.config.architectures or [""])[0])
    if not architecture.endswith(_RANKING_HEADS):
        # It would load all the same, with a head drawn at random, and rank by chance.
        raise ModelError(_cannot_load(name, f"{architecture or 'the model'} has no head that ranks"))
    if model.num_labels != 1:
        raise ModelError(_cannot_load(name, f"it gives {model.num_labels} scores for a passage, not one"))

    def rerank(question: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        scores = model.predict([(question, passage) for passage in passages], show_progress_bar=False)
        return [float(score) for score in scores]

    return rerank


def _cannot_load(name: str, reason: str) -> str:
    return (
        f"retrieval.reranker: {name!r} does not load as a cross-encoder ({reason}): name a folder that holds one or a "
        "hub id within reach, or set it to null."
    )
