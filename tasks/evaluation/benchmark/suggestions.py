"""What to try next, from the figures alone: where the wrong answers come from, and what mending that could bring.

An arm that retrieves can fail in two places. Either no source stood in the prompt (a retrieval miss), or one did and
the answer is wrong all the same (a generation miss). Better retrieval can at most make of each retrieval miss what the
other questions are: it would bring the share of misses times the difference in how often answers with and without a
source are correct. More labels, or training with passages in the prompt, can at most mend every generation miss. The
larger figure comes first; both are bounds and no promises.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.evaluation.benchmark.outcomes import QuestionOutcome
from tasks.evaluation.report_text import arm_label, count_of, metric_label
from tasks.records import ADAPTER_ARMS, PairedTest, RetrievalReport, Suggestion

MAX_EXAMPLES = 5
SURE = 0.05
MIN_SOURCES = 5  # questions with and without a found source, before their shares are compared


def suggest(
    outcomes: Sequence[QuestionOutcome],
    comparisons: Sequence[PairedTest],
    retrieval: RetrievalReport | None,
    primary_metric: str,
    shared_families: int = 0,
) -> tuple[Suggestion, ...]:
    """What to try next, most worth first; empty when every question is answered correctly by some arm and all is sure.

    Args:
        outcomes: one for each test question.
        comparisons: the arms compared pair by pair, with p-values.
        retrieval: what the stages of retrieval find; None where no arm retrieves.
    """
    if not outcomes:
        return ()
    arms = list(outcomes[0].correct)
    on_primary = [comparison for comparison in comparisons if comparison.metric == primary_metric]
    found: list[Suggestion] = []
    if shared_families:
        found.append(_split_families(shared_families))
    worth = [*_mend_misses(outcomes, arms, retrieval), *_unsolved_families(outcomes)]
    found += [suggestion for _, suggestion in sorted(worth, key=lambda pair: -pair[0])]
    found += _adapter_that_does_not_help(on_primary)
    found += _prompts(retrieval)
    found += _stages(retrieval)
    found += _undecided(outcomes, on_primary)
    return tuple(found)


def _split_families(shared: int) -> Suggestion:
    return Suggestion(
        name="separate_families",
        sentence=f"Keep each family in one split: {shared} {'family' if shared == 1 else 'families'} in both train and "
        "test can make the arms with an adapter look better than they are.",
        evidence={"shared_families": shared},
    )


def _mend_misses(
    outcomes: Sequence[QuestionOutcome], arms: Sequence[str], retrieval: RetrievalReport | None
) -> list[tuple[float, Suggestion]]:
    """Retrieval misses against generation misses of the best arm that retrieves, each with the share it could bring."""
    arm = next((arm for arm in ("rag_ft", "rag") if arm in arms), None)
    if arm is None:
        return []
    known = [outcome for outcome in outcomes if outcome.source_found is not None]
    if not known:
        return [(0.0, _name_sources(len(outcomes)))]
    with_source = [outcome.correct[arm] for outcome in known if outcome.source_found]
    without = [outcome.correct[arm] for outcome in known if not outcome.source_found]
    evidence = {
        "arm": arm,
        "questions_with_sources": len(known),
        "source_in_prompt": len(with_source),
        "source_missing": len(without),
        "correct_with_source": sum(with_source),
        "correct_without_source": sum(without),
    }
    pairs = []
    if gain := retrieval_gain(with_source, without):
        pairs.append((gain, _better_retrieval(arm, gain, evidence, retrieval)))
    wrong = len(with_source) - sum(with_source)
    if wrong:
        loss = wrong / len(known)
        pairs.append((loss, _better_generation(arm, loss, {**evidence, "wrong_with_source": wrong}, arms)))
    return pairs


def retrieval_gain(with_source: Sequence[bool], without: Sequence[bool]) -> float:
    """The share of questions that would be answered correctly besides, if a source stood in every prompt.

    The shares correct with and without a source are compared only where each rests on a few questions; with too few
    answers with a source every miss is taken to be mendable. Never negative.
    """
    if not without:
        return 0.0
    share_without = sum(without) / len(without)
    share_with = sum(with_source) / len(with_source) if len(with_source) >= MIN_SOURCES else 1.0
    return max(share_with - share_without, 0.0) * len(without) / (len(with_source) + len(without))


def _name_sources(questions: int) -> Suggestion:
    return Suggestion(
        name="name_sources",
        sentence="Give the test questions `sources` (ids of the documents that hold the answer): without them nothing "
        "tells a miss of retrieval from a miss of the model.",
        evidence={"questions": questions, "questions_with_sources": 0},
    )


def _better_retrieval(arm: str, gain: float, evidence: dict[str, Any], retrieval: RetrievalReport | None) -> Suggestion:
    missing, known = evidence["source_missing"], evidence["questions_with_sources"]
    hint = ""
    if retrieval is not None:
        deeper = retrieval.stages["full"].metrics.get(f"hit_at_{retrieval.depth}")
        found = known - missing
        if deeper is not None and round(deeper.mean * known) > found:
            more = round(deeper.mean * known) - found
            hint = (
                f" For {more} of them the source is among the first {retrieval.depth} documents: raise "
                "`retrieval.passages`, or name a `retrieval.reranker`."
            )
    return Suggestion(
        name="better_retrieval",
        sentence=f"Better retrieval could bring up to {_per_100(gain)} more correct answers in 100 to "
        f"{arm_label(arm)}: for {missing} of {known} questions no source stood in the prompt.{hint}",
        evidence={**evidence, "gain_at_most": gain},
    )


def _better_generation(arm: str, loss: float, evidence: dict[str, Any], arms: Sequence[str]) -> Suggestion:
    wrong, had = evidence["wrong_with_source"], evidence["source_in_prompt"]
    remedy = (
        "more labels, and training with passages in the prompt (`train.contexts`) if that is off"
        if any(each in ADAPTER_ARMS for each in arms)
        else "an adapter, trained with `ratchet round`, or a larger base model"
    )
    return Suggestion(
        name="better_generation",
        sentence=f"Better answers from the same passages could bring up to {_per_100(loss)} more correct answers in "
        f"100 to {arm_label(arm)}: {wrong} of the {had} answers with a source in their prompt are wrong. Try {remedy}.",
        evidence={**evidence, "gain_at_most": loss},
    )


def _unsolved_families(outcomes: Sequence[QuestionOutcome]) -> list[tuple[float, Suggestion]]:
    """Families in which no arm answered any question correctly."""
    solved: defaultdict[str, bool] = defaultdict(bool)
    for outcome in outcomes:
        solved[outcome.family] |= any(outcome.correct.values())
    unsolved = [family for family, is_solved in solved.items() if not is_solved]
    if not unsolved:
        return []
    questions = sum(outcome.family in set(unsolved) for outcome in outcomes)
    suggestion = Suggestion(
        name="unsolved_families",
        sentence=f"No arm answers {questions} of {len(outcomes)} questions, in {len(unsolved)} of {len(solved)} "
        f"families, correctly: read some (such as {', '.join(map(repr, unsolved[:MAX_EXAMPLES]))}), then add the "
        "documents they need, or labels for questions like them.",
        evidence={"families": len(unsolved), "questions": questions, "examples": unsolved[:MAX_EXAMPLES]},
    )
    return [(0.0, suggestion)]


def _adapter_that_does_not_help(comparisons: Sequence[PairedTest]) -> list[Suggestion]:
    """An adapter that makes answers surely worse, with or without passages."""
    pairs = {("ft", "base"): "without passages", ("rag_ft", "rag"): "with passages in the prompt"}
    found = []
    for comparison in comparisons:
        where = pairs.get((comparison.arm, comparison.against))
        if where is None or not _is_sure(comparison) or comparison.difference >= 0:
            continue
        remedy = "train with passages in the prompt" if comparison.arm == "rag_ft" else "train on more labels"
        found.append(
            Suggestion(
                name=f"{comparison.arm}_behind_{comparison.against}",
                sentence=f"The adapter makes answers worse {where}, by {-comparison.difference:.3f} "
                f"{metric_label(comparison.metric)}: {remedy}, or leave the adapter out.",
                evidence=_evidence(comparison),
            )
        )
    return found


def _prompts(retrieval: RetrievalReport | None) -> list[Suggestion]:
    found = []
    if retrieval is not None and retrieval.prompts_cut:
        left_out = retrieval.passages_found - retrieval.passages_used
        found.append(
            Suggestion(
                name="prompts_cut",
                sentence=f"{count_of(retrieval.prompts_cut, 'prompt')} had no room for {count_of(left_out, 'passage')} "
                "that were retrieved: raise `generation.max_prompt_tokens`, or make `retrieval.chunks.words` smaller.",
                evidence={"prompts_cut": retrieval.prompts_cut, "passages_left_out": left_out},
            )
        )
    if retrieval is not None and retrieval.without_passages:
        found.append(
            Suggestion(
                name="nothing_retrieved",
                sentence=f"Nothing was retrieved for {count_of(retrieval.without_passages, 'question')}: add documents "
                "on them, or lower `retrieval.min_similarity`.",
                evidence={"without_passages": retrieval.without_passages},
            )
        )
    return found


def _stages(retrieval: RetrievalReport | None) -> list[Suggestion]:
    """A part of retrieval that surely finds sources better alone than all of it together."""
    if retrieval is None:
        return []
    metric = f"mrr_at_{retrieval.depth}"
    behind = [
        comparison
        for comparison in retrieval.comparisons
        if (comparison.arm, comparison.metric) == ("full", metric)
        and comparison.difference < 0
        and _is_sure(comparison)
    ]
    if not behind:
        return []
    worst = min(behind, key=lambda comparison: comparison.difference)
    return [
        Suggestion(
            name="simpler_retrieval",
            sentence=f"{stage_label(worst.against)} alone finds sources better than all stages together, by "
            f"{-worst.difference:.3f} in mean reciprocal rank: switch the others off in `retrieval`.",
            evidence=_evidence(worst),
        )
    ]


def _undecided(outcomes: Sequence[QuestionOutcome], comparisons: Sequence[PairedTest]) -> list[Suggestion]:
    """The two best arms, where the questions are too few to tell them apart."""
    shares = {arm: sum(outcome.correct[arm] for outcome in outcomes) for arm in outcomes[0].correct}
    close = [comparison for comparison in comparisons if not _is_sure(comparison) and comparison.difference != 0]
    best = sorted(shares, key=lambda arm: -shares[arm])[:2]
    for comparison in close:
        if {comparison.arm, comparison.against} == set(best):
            return [
                Suggestion(
                    name="more_test_questions",
                    sentence=f"{len(outcomes)} test questions do not tell {arm_label(comparison.arm)} and "
                    f"{arm_label(comparison.against)} apart in {metric_label(comparison.metric)} "
                    f"(p = {comparison.p_value_holm:.2f}): add test questions, or take the cheaper one.",
                    evidence={**_evidence(comparison), "questions": len(outcomes)},
                )
            ]
    return []


STAGE_LABELS: Mapping[str, str] = {
    "bm25": "BM25",
    "dense": "Embeddings",
    "hybrid": "BM25 and embeddings fused",
    "full": "All stages of the config",
}


def stage_label(name: str) -> str:
    """What a stage of retrieval is called."""
    return STAGE_LABELS.get(name, name)


def _is_sure(comparison: PairedTest) -> bool:
    return comparison.p_value_holm < SURE


def _evidence(comparison: PairedTest) -> dict[str, Any]:
    return comparison.model_dump(mode="json", include={"arm", "against", "metric", "difference", "p_value_holm"})


def _per_100(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.1f}"
