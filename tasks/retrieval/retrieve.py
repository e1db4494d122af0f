"""From questions to the passages put before the model.

queries   the question, and what an LLM writes for it: see queries.py
search    BM25 and embeddings each propose `candidates` chunks for each of them
fusion    one ranking of a text from both methods, by ranks or by scores; one of a question from those of its texts, by
          ranks
graph     chunks near to those in what they mention, in the graph of entities, fused with them
rerank    a cross-encoder scores question and passage together, when there is one
select    near-duplicates left out; MMR, when it is on
fit       the budget of words
order     best first, or at the edges
abstain   nothing at all when the best chunk is too far from the question
"""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import ConfigError, IntegrityError
from tasks.records import Passage
from tasks.retrieval.context import (
    best_at_the_edges,
    maximal_marginal_relevance,
    within_words,
    without_near_duplicates,
)
from tasks.retrieval.filtering import restrict
from tasks.retrieval.fusion import Hit, reciprocal_rank_fusion, scaled, weighted_fusion
from tasks.retrieval.graph.search import rank_by_graph
from tasks.retrieval.opened import Index
from tasks.retrieval.queries import Queries, write_queries
from tasks.retrieval.reranking import Rerank
from tasks.retrieval.vectors import Embed
from tasks.settings.retrieval import RetrievalSettings, Where
from tasks.writing.writer import Write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FUSIONS = {"rrf": reciprocal_rank_fusion, "weighted": weighted_fusion}


def retrieve(
    config: Config,
    index: Index,
    questions: Sequence[str],
    embed: Embed | None,
    rerank: Rerank | None = None,
    write: Write | None = None,
    where: Where | None = None,
) -> list[list[Passage]]:
    """For each question at most `retrieval.passages` passages, in the order of `retrieval.order`.

    A question gets none when nothing was found, or what was found is too far from it (`retrieval.min_similarity`).

    Args:
        index: opened with this config.
        embed: of `model.embeddings`; None when `retrieval.dense` is off.
        rerank: of `load_reranker`; it must be there when `retrieval.reranker` names one.
        write: of `load_writer`; it must be there when queries are to be written.
        where: only documents with these metadata, beyond what `retrieval.where` says; see `restrict`.

    Raises:
        ConfigError: when the config switches on a stage whose model is not given.
        IntegrityError: when `retrieval.dense` is on and the index has no embeddings, or `retrieval.graph` and no graph.
    """
    settings = config.retrieval
    index = restrict(index, where or {})
    if settings.dense and embed is None:
        raise ConfigError("retrieval.dense: it needs an embedding model, and none was given; switch it off.")
    if settings.reranker is not None and rerank is None:
        raise ConfigError("retrieval.reranker: its model was not given; load it, or set it to null.")
    if settings.written_queries and write is None:
        raise ConfigError(
            f"retrieval.{settings.written_queries[0]}: an LLM writes it, and no writer was given; load it, or "
            "switch it off."
        )
    rankings = search(settings, index, write_queries(settings, questions, write), embed)
    return [
        _passages_of(settings, index, question, *ranking, rerank if settings.reranker else None)
        for question, ranking in zip(questions, rankings, strict=True)
    ]


def search(
    settings: RetrievalSettings, index: Index, queries: Sequence[Queries], embed: Embed | None
) -> list[tuple[list[Hit], float | None]]:
    """For each question all chunks that were proposed, fused, best first; and the highest cosine of any chunk.

    The cosine is that of the question's own text; None when embeddings are not searched, or there is no chunk.
    """
    texts = [text for each in queries for text in each.texts]
    passages = [passage for each in queries for passage in each.passages]
    vectors = embed([*texts, *passages]) if settings.dense and embed is not None else None
    nearest_to = _nearest(settings, index, vectors, len(texts) + len(passages))
    near, near_passages = iter(nearest_to[: len(texts)]), iter(nearest_to[len(texts) :])
    matching = iter(index.best_matches(texts, settings.candidates) if settings.bm25 else [[]] * len(texts))
    found: list[tuple[list[Hit], float | None]] = []
    for each in queries:
        proposed = [(next(near), next(matching)) for _ in each.texts]
        rankings = [_fuse_methods(settings, *pair) for pair in proposed]
        rankings += [next(near_passages) for _ in each.passages]
        ranking = rankings[0] if len(rankings) == 1 else reciprocal_rank_fusion(rankings, [1.0] * len(rankings))
        ranking = _with_graph(settings, index, each, ranking)
        own, _ = proposed[0]
        found.append((ranking, own[0].score if own else None))
    return found


def _nearest(
    settings: RetrievalSettings, index: Index, vectors: "NDArray[np.float32] | None", queries: int
) -> list[list[Hit]]:
    """For each query the nearest chunks, by their own text or by a hypothetical question, whichever is nearer."""
    if vectors is None:
        return [[]] * queries
    texts_of_a_chunk = 1 + settings.chunks.hypothetical_questions
    found = index.nearest(vectors, settings.candidates * texts_of_a_chunk)
    if texts_of_a_chunk == 1:
        return found
    return [_chunks_of(index, hits)[: settings.candidates] for hits in found]


def _chunks_of(index: Index, hits: Sequence[Hit]) -> list[Hit]:
    """The chunks that the hits are about, each once, with the score of its best hit."""
    best: dict[int, Hit] = {}
    for hit in hits:
        position = index.chunk_position(hit.position)
        best.setdefault(position, Hit(position, hit.score))
    return list(best.values())


def _fuse_methods(settings: RetrievalSettings, near: list[Hit], matching: list[Hit]) -> list[Hit]:
    """One text's ranking, from that by embeddings and that by words."""
    if settings.dense and settings.bm25:
        return _FUSIONS[settings.fusion]([near, matching], [settings.dense_weight, 1 - settings.dense_weight])
    return near or matching


def _with_graph(settings: RetrievalSettings, index: Index, queries: Queries, ranking: list[Hit]) -> list[Hit]:
    """The ranking fused with that of the chunks near to it in the graph; as it is, when there is to be none."""
    if settings.graph is None:
        return ranking
    if index.graph is None:
        raise IntegrityError(f"The index {index.ref.sha256[:12]} has no graph: build one with `retrieval.graph` set.")
    damping, limit, weight = settings.graph.damping, settings.candidates, settings.graph.weight
    near = rank_by_graph(index.graph, queries.texts, ranking, index.are_live, damping, limit)
    return _FUSIONS[settings.fusion]([ranking, near], [1 - weight, weight])


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
    selected = within_words(_selected(settings, index, ranking), settings.max_words)
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
