"""How well retrieval finds the documents that a question's author named as its sources.

All of them look at documents, each at the place of its first passage, and are computed by trec_eval, the reference
implementation of the field, for each question; a question's score is 0 when none of its sources is found.

`hit_at_<k>`: whether a source is among the first k documents, 0 or 1.
`mrr_at_<depth>`: 1 / the place of the first source, 0 when there is none down to the depth; its mean is the mean
    reciprocal rank (Voorhees 1999, "The TREC-8 Question Answering Track Report").
`ndcg_at_<depth>`: discounted cumulative gain down to the depth, divided by that of the best order (Järvelin &
    Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques"): rewards all sources, and early ones more.
"""

from collections.abc import Sequence

HIT_DEPTHS = (1, 3)


def rank_documents(document_ids: Sequence[str], depth: int) -> list[str]:
    """The first `depth` documents in the order of their first passages, each once."""
    return list(dict.fromkeys(document_ids))[:depth]


def metric_names(depth: int) -> list[str]:
    """The names of the metrics at this depth, in the order of tables."""
    hits = [k for k in HIT_DEPTHS if k < depth]
    return [*(f"hit_at_{k}" for k in (*hits, depth)), f"mrr_at_{depth}", f"ndcg_at_{depth}"]


def score_rankings(
    rankings: Sequence[Sequence[str]], sources: Sequence[Sequence[str]], depth: int
) -> list[dict[str, float]]:
    """Every metric by its name, for each question's ranking of documents, best first.

    Args:
        sources: the documents that hold each question's answer, at least one.
        depth: places looked at, at least 1.

    Raises:
        ValueError: when the numbers of rankings and sources differ, or a question has no sources.
    """
    import pytrec_eval

    if len(rankings) != len(sources):
        raise ValueError(f"{len(rankings)} rankings cannot be scored against the sources of {len(sources)} questions")
    if not all(sources):
        raise ValueError("a question without sources cannot be scored")
    wanted = {str(place): dict.fromkeys(documents, 1) for place, documents in enumerate(sources)}
    # trec_eval orders by score and breaks ties by name: distinct scores keep the order that was given.
    found = {
        str(place): {document: -float(rank) for rank, document in enumerate(rank_documents(ranking, depth))}
        for place, ranking in enumerate(rankings)
    }
    measures = {f"success.{','.join(str(k) for k in (*HIT_DEPTHS, depth))}", "recip_rank", f"ndcg_cut.{depth}"}
    scores = pytrec_eval.RelevanceEvaluator(wanted, measures).evaluate(found)
    return [_named(scores[str(place)], depth) for place in range(len(rankings))]


def _named(scores: dict[str, float], depth: int) -> dict[str, float]:
    names = {f"mrr_at_{depth}": "recip_rank", f"ndcg_at_{depth}": f"ndcg_cut_{depth}"}
    return {name: float(scores[names.get(name) or name.replace("hit_at_", "success_")]) for name in metric_names(depth)}
