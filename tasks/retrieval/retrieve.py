"""From questions to the passages put before the model.

search    BM25 and embeddings each propose `candidates` chunks
fusion    one ranking from both, by ranks or by scores
rerank    a cross-encoder scores question and passage together, when there is one
select    near-duplicates left out; MMR, when it is on
fit       the budget of words
order     best first, or at the edges
abstain   nothing at all when the best chunk is too far from the question
"""

from collections.abc import Sequence
from itertools import islice

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.records import Passage
from tasks.retrieval.bm25 import best_matches
from tasks.retrieval.context import (
    best_at_the_edges,
    maximal_marginal_relevance,
    within_budget,
    without_near_duplicates,
)
from tasks.retrieval.dense import nearest
from tasks.retrieval.fusion import Hit, reciprocal_rank_fusion, scaled, weighted_fusion
from tasks.retrieval.opened import Index
from tasks.retrieval.reranking import Rerank
from tasks.retrieval.vectors import Embed
from tasks.settings.retrieval import RetrievalSettings
from tasks.words import split_words

_FUSIONS = {"rrf": reciprocal_rank_fusion, "weighted": weighted_fusion}


def retrieve(
    config: Config,
    index: Index,
    questions: Sequence[str],
    embed: Embed | None,
    rerank: Rerank | None = None,
) -> list[list[Passage]]:
    """For each question at most `retrieval.passages` passages, in the order of `retrieval.order`.

    A question gets none when nothing was found, or what was found is too far from it (`retrieval.min_similarity`).

    Args:
        index: opened with this config.
        embed: of `model.embeddings`; None when `retrieval.dense` is off.
        rerank: of `load_reranker`; it must be there when `retrieval.reranker` names one.

    Raises:
        ConfigError: when the config switches on a stage whose model is not given.
        IntegrityError: when `retrieval.dense` is on and the index has no embeddings.
    """
    settings = config.retrieval
    if settings.dense and embed is None:
        raise ConfigError("retrieval.dense: it needs an embedding model, and none was given; switch it off.")
    if settings.reranker is not None and rerank is None:
        raise ConfigError("retrieval.reranker: its model was not given; load it, or set it to null.")
    rankings = search(settings, index, questions, embed)
    return [
        _passages_of(settings, index, question, *ranking, rerank if settings.reranker else None)
        for question, ranking in zip(questions, rankings, strict=True)
    ]


def search(
    settings: RetrievalSettings, index: Index, questions: Sequence[str], embed: Embed | None
) -> list[tuple[list[Hit], float | None]]:
    """For each question all chunks that were proposed, fused, best first; and the highest cosine of any chunk.

    The cosine is None when embeddings are not searched, or there is no chunk.
    """
    vectors = embed(questions) if settings.dense and embed is not None else None
    dense = [[]] * len(questions) if vectors is None else nearest(index.vector_runs(), vectors, settings.candidates)
    sparse = best_matches(index.term_scores, questions, settings.candidates) if settings.bm25 else [[]] * len(questions)
    found: list[tuple[list[Hit], float | None]] = []
    for near, matching in zip(dense, sparse, strict=True):
        if settings.dense and settings.bm25:
            ranking = _FUSIONS[settings.fusion]([near, matching], [settings.dense_weight, 1 - settings.dense_weight])
        else:
            ranking = near or matching
        found.append((ranking, near[0].score if near else None))
    return found


def describe_stages(config: Config) -> dict[str, str]:
    """What each stage of retrieval does under this config; of those that are off: `skipped`, and which key says so."""
    settings = config.retrieval
    both = settings.bm25 and settings.dense
    return {
        "chunks": f"{settings.chunks.kind}, at most {settings.chunks.words} words",
        "bm25": f"{settings.candidates} candidates" if settings.bm25 else "skipped: retrieval.bm25 is off",
        "dense": (
            f"{settings.candidates} candidates by {config.model.embeddings}"
            if settings.dense
            else "skipped: retrieval.dense is off"
        ),
        "fusion": f"{settings.fusion}, {settings.dense_weight:g} dense" if both else "skipped: one method searches",
        "reranker": settings.reranker or "skipped: retrieval.reranker names none",
        "near_duplicates": (
            "equal and overlapping ones"
            if settings.near_duplicates is None or not settings.dense
            else f"equal and overlapping ones, and from cosine {settings.near_duplicates:g}"
        ),
        "diversity": _or_skipped("relevance_weight", settings.relevance_weight, "MMR, {:g} relevance"),
        "budget": _or_skipped("max_words", settings.max_words, "{} words"),
        "order": settings.order,
        "abstention": _or_skipped("min_similarity", settings.min_similarity, "below cosine {:g}"),
    }


def _or_skipped(key: str, value: float | None, text: str) -> str:
    return f"skipped: retrieval.{key} is null" if value is None else text.format(value)


def _passages_of(
    settings: RetrievalSettings,
    index: Index,
    question: str,
    ranking: Sequence[Hit],
    similarity: float | None,
    rerank: Rerank | None,
) -> list[Passage]:
    if settings.min_similarity is not None and (similarity is None or similarity < settings.min_similarity):
        return []
    if rerank is not None:
        ranking = _reranked(index, question, ranking[: settings.candidates], rerank)
    selected = _selected(settings, index, ranking)
    if settings.max_words is not None:
        selected = within_budget(selected, settings.max_words, _count_words)
    return best_at_the_edges(selected) if settings.order == "edges" else selected


def _reranked(index: Index, question: str, ranking: Sequence[Hit], rerank: Rerank) -> list[Hit]:
    scores = rerank(question, [index.passage(hit).text for hit in ranking])
    rescored = [Hit(hit.position, score) for hit, score in zip(ranking, scores, strict=True)]
    return sorted(rescored, key=lambda hit: (-hit.score, hit.position))


def _selected(settings: RetrievalSettings, index: Index, ranking: Sequence[Hit]) -> list[Passage]:
    """At most `passages` of the ranking's passages, no two the same, best first."""
    # Read one by one as they are needed: most candidates are never looked at.
    candidates = ((index.passage(hit), index.vector(hit.position) if settings.dense else None) for hit in ranking)
    different = without_near_duplicates(candidates, settings.near_duplicates)
    if settings.relevance_weight is None:
        return [passage for passage, _ in islice(different, settings.passages)]
    pool = list(islice(different, settings.candidates))
    relevance = scaled([Hit(at, passage.score) for at, (passage, _) in enumerate(pool)])
    order = maximal_marginal_relevance(
        [hit.score for hit in relevance],
        [vector for _, vector in pool if vector is not None],
        settings.relevance_weight,
        settings.passages,
    )
    return [pool[at][0] for at in order]


def _count_words(text: str) -> int:
    return len(split_words(text))
