"""What each stage of retrieval is worth: the config's pipeline with one stage switched, on the same questions.

A stage that is on is switched off; one that is off is switched on where that costs next to nothing, since it uses what
the index has. Every change is compared with the full pipeline, question by question.
"""

from collections.abc import Iterator, Mapping, Sequence

from tasks.config import Config
from tasks.evaluation.benchmark.paired_tests import compare_with
from tasks.evaluation.intervals import bootstrap_mean
from tasks.records import Ablation
from tasks.settings.retrieval import ChunkSettings, RetrievalSettings

FULL = "full"
_TRIED_RELEVANCE_WEIGHT = 0.7  # of MMR where the config has none
_TRIED_NEAR_DUPLICATES = 0.98  # the default of `retrieval.near_duplicates`

# What a stage's key is where it is off; search and fusion are not among them, nor what is part of the index.
STAGES_OFF: Mapping[str, object] = {
    "rewrite": False,
    "decompose": False,
    "step_back": False,
    "hyde": False,
    "graph": None,
    "reranker": None,
    "near_duplicates": None,
    "relevance_weight": None,
    "min_similarity": None,
}
# What needs embeddings, and so cannot be on without them.
_NEEDS_DENSE = {"hyde": False, "relevance_weight": None, "min_similarity": None}
_NAMES = {"relevance_weight": "diversity", "min_similarity": "abstention"}


_STAGE_LABELS: Mapping[str, str] = {
    "bm25": "BM25",
    "dense": "embeddings",
    "rrf_fusion": "fusion by ranks",
    "weighted_fusion": "fusion by scores",
    "rewrite": "rewritten questions",
    "decompose": "parts of the question",
    "step_back": "a more general question",
    "hyde": "an imagined answer",
    "graph": "the graph",
    "reranker": "the reranker",
    "near_duplicates": "leaving out near-duplicates by meaning",
    "diversity": "diversity (MMR)",
    "abstention": "a least similarity",
    "hypothetical_questions": "hypothetical questions",
}
_CHUNK_LABELS: Mapping[str, str] = {
    "fixed": "chunks of so many words",
    "sentence": "chunks of whole sentences",
    "sentence_window": "single sentences with their neighbours",
    "headings": "sections",
}


def change_label(change: str) -> str:
    """What is switched, for people: `Without BM25`, `With single sentences with their neighbours`."""
    if change == FULL:
        return "The config's pipeline"
    how, _, what = change.partition("_")
    return f"With {_CHUNK_LABELS[what]}" if how == "chunks" else f"{how.capitalize()} {_STAGE_LABELS[what]}"


def looked_through(settings: RetrievalSettings) -> RetrievalSettings:
    """The settings with as many passages as there are candidates, so that all are looked at down to the same depth."""
    return settings.model_copy(update={"passages": settings.candidates, "max_words": None, "order": "relevance"})


def ablated(settings: RetrievalSettings) -> dict[str, RetrievalSettings]:
    """The full pipeline, and it with one stage switched, by what is switched: `without_bm25`, `with_diversity`."""
    full = looked_through(settings)
    changes = {name: full.model_copy(update=change) for name, change in _changes(full)}
    return {FULL: full, **changes}


def other_chunks(config: Config) -> dict[str, ChunkSettings]:
    """What else documents are cut into, by what is changed; an index has to be built for each.

    Those that `benchmark.chunk_kinds` names, and the chunks without hypothetical questions where the config has some.
    """
    chunks = config.retrieval.chunks
    kinds = (kind for kind in dict.fromkeys(config.benchmark.chunk_kinds) if kind != chunks.kind)
    found = {f"chunks_{kind}": chunks.model_copy(update={"kind": kind}) for kind in kinds}
    if chunks.hypothetical_questions:
        found["without_hypothetical_questions"] = chunks.model_copy(update={"hypothetical_questions": 0})
    return found


def _changes(settings: RetrievalSettings) -> Iterator[tuple[str, dict[str, object]]]:
    if settings.bm25 and settings.dense:
        yield "without_bm25", {"bm25": False}
        yield "without_dense", {"dense": False, **_NEEDS_DENSE}
        other = "rrf" if settings.fusion == "weighted" else "weighted"
        yield f"with_{other}_fusion", {"fusion": other}
    elif settings.dense:
        yield "with_bm25", {"bm25": True}
    for key, off in STAGES_OFF.items():
        if getattr(settings, key) != off:
            yield f"without_{_NAMES.get(key, key)}", {key: off}
    if settings.dense and settings.relevance_weight is None:
        yield "with_diversity", {"relevance_weight": _TRIED_RELEVANCE_WEIGHT}
    if settings.dense and settings.near_duplicates is None:
        yield "with_near_duplicates", {"near_duplicates": _TRIED_NEAR_DUPLICATES}


def compare_ablations(
    scores: Mapping[str, Mapping[str, Sequence[float]]], resamples: int, seed: int
) -> tuple[Ablation, ...]:
    """Every change with its metrics, and how far it is from the full pipeline; the full pipeline itself comes first.

    Args:
        scores: by change, then by metric, one score a question; `full` among them.
    """
    tests = compare_with(scores, FULL, resamples, seed)
    return tuple(
        Ablation(
            change=name,
            metrics={metric: bootstrap_mean(values, resamples, seed) for metric, values in columns.items()},
            against_full={test.metric: test for test in tests if test.arm == name},
        )
        for name, columns in sorted(scores.items(), key=lambda item: item[0] != FULL)
    )
