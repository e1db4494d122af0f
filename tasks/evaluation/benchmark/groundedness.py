"""How much of what each arm claims stands in its passages, and whether it cites the right ones itself.

The claims are those of tasks/evaluation/benchmark/claims.py. An answer's groundedness is the share of its claims that
are supported; an answer that claims nothing, being empty or an abstention, has none.
"""

from collections.abc import Mapping, Sequence

from tasks.evaluation.benchmark.claims import Rarity, find_claims
from tasks.evaluation.benchmark.paired_tests import compare_all
from tasks.evaluation.benchmark.retrieved import QuestionContext
from tasks.evaluation.intervals import bootstrap_mean
from tasks.records import ArmGroundedness, BenchmarkAnswer, Claim, PairedTest

GROUNDEDNESS = "groundedness"


def add_claims(
    rows: Sequence[BenchmarkAnswer], contexts: Sequence[QuestionContext], rarity: Rarity, supported_from: float
) -> list[BenchmarkAnswer]:
    """The rows with their claims, and `groundedness` among the metrics of those that claim something."""
    found = []
    for row, context in zip(rows, contexts, strict=True):
        claims = () if row.abstained else find_claims(row.answer, context.passages, rarity, supported_from)
        metrics = {**row.metrics, GROUNDEDNESS: _share(claims)} if claims else row.metrics
        found.append(row.model_copy(update={"claims": claims, "metrics": metrics}))
    return found


def measure_groundedness(
    rows: Sequence[BenchmarkAnswer], contexts: Sequence[QuestionContext], resamples: int, seed: int
) -> ArmGroundedness:
    """One arm's claims and citations, counted over its answers to the test questions."""
    claims = [claim for row in rows for claim in row.claims]
    shares = [row.metrics[GROUNDEDNESS] for row in rows if row.claims]
    judged = [
        _points_to_source(number, context)
        for row, context in zip(rows, contexts, strict=True)
        if context.sources
        for number in row.cited
    ]
    return ArmGroundedness(
        claims=len(claims),
        supported=sum(claim.supported for claim in claims),
        share=bootstrap_mean(shares, resamples, seed) if shares else None,
        answers_with_claims=len(shares),
        several_documents=sum(len(documents_behind(row.claims)) > 1 for row in rows),
        answers_citing=sum(bool(row.cited) for row in rows),
        own_citations=len(judged),
        own_citations_right=sum(judged),
    )


def documents_behind(claims: Sequence[Claim]) -> list[str]:
    """The documents that the supported claims rest on, each once, in the order of the claims."""
    return list(
        dict.fromkeys(evidence.document_id for claim in claims if claim.supported for evidence in claim.evidence)
    )


def compare_groundedness(
    scored: Mapping[str, Sequence[BenchmarkAnswer]], resamples: int, seed: int
) -> tuple[PairedTest, ...]:
    """The arms that retrieve compared on the questions to which all of them claim something; none without any."""
    columns = {
        arm: [row.metrics.get(GROUNDEDNESS) for row in rows]
        for arm, rows in scored.items()
        if any(row.claims for row in rows)
    }
    places = [place for place, values in enumerate(zip(*columns.values(), strict=True)) if None not in values]
    if len(columns) < 2 or not places:
        return ()
    shared = {
        arm: {GROUNDEDNESS: [value for place in places if (value := values[place]) is not None]}
        for arm, values in columns.items()
    }
    return compare_all(shared, resamples, seed)


def _share(claims: Sequence[Claim]) -> float:
    return sum(claim.supported for claim in claims) / len(claims)


def _points_to_source(number: int, context: QuestionContext) -> bool:
    """Whether a citation names a passage of the prompt, and that is of a source."""
    return 1 <= number <= len(context.passages) and context.passages[number - 1].document_id in context.sources
