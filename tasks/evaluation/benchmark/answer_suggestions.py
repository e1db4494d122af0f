"""What to try next, from claims, citations, abstention and ablations; suggestions.py has what else there is to say."""

from collections.abc import Iterator, Mapping

from tasks.evaluation.benchmark.ablations import change_label
from tasks.evaluation.benchmark.suggestions import SURE
from tasks.evaluation.report_text import arm_label, count_of
from tasks.records import Ablation, ArmAbstention, ArmGroundedness, PairedTest, RetrievalReport, Suggestion

MIN_CLAIMS = 10  # before a share of claims, or of citations, is worth a word
GROUNDED_FROM = 0.8
MIN_UNANSWERABLE = 5
ABSTAINED_FROM = 0.5
ABSTAINED_WRONGLY_FROM = 0.1


def suggest_from_answers(
    groundedness: Mapping[str, ArmGroundedness],
    abstention: Mapping[str, ArmAbstention],
    retrieval: RetrievalReport | None,
) -> tuple[Suggestion, ...]:
    """What the answers themselves, and retrieval with single stages switched, call for; of the arms that retrieve.

    Args:
        groundedness: by arm; empty where none retrieves, and then there is nothing to say.
    """
    arm = next((arm for arm in ("rag_ft", "rag") if arm in groundedness), None)
    if arm is None:
        return ()
    found = [*_ungrounded(arm, groundedness[arm]), *_wrong_citations(arm, groundedness[arm])]
    if arm in abstention:
        found += _abstention(arm, abstention[arm])
    return (*found, *_better_stage(retrieval))


def _ungrounded(arm: str, found: ArmGroundedness) -> Iterator[Suggestion]:
    unsupported = found.claims - found.supported
    if found.claims < MIN_CLAIMS or found.supported >= GROUNDED_FROM * found.claims:
        return
    yield Suggestion(
        name="ungrounded_claims",
        sentence=f"{unsupported} of {count_of(found.claims, 'claim')} of {arm_label(arm)} stand in no passage of its "
        "prompt: train with passages in the prompt (`train.contexts`), or ask in `system_prompt` to answer from the "
        "passages alone.",
        evidence={"arm": arm, "claims": found.claims, "supported": found.supported},
    )


def _wrong_citations(arm: str, found: ArmGroundedness) -> Iterator[Suggestion]:
    wrong = found.own_citations - found.own_citations_right
    if found.own_citations < MIN_CLAIMS or found.own_citations_right >= GROUNDED_FROM * found.own_citations:
        return
    yield Suggestion(
        name="wrong_citations",
        sentence=f"{wrong} of {count_of(found.own_citations, 'citation')} that {arm_label(arm)} gives point to no "
        "source of the question: give more training questions `sources`, or train without citations.",
        evidence={"arm": arm, "own_citations": found.own_citations, "own_citations_right": found.own_citations_right},
    )


def _abstention(arm: str, found: ArmAbstention) -> Iterator[Suggestion]:
    should, should_not = found.unanswerable, found.answerable
    evidence = {"arm": arm, **{f"unanswerable_{key}": value for key, value in should.model_dump(mode="json").items()}}
    if not should.questions:
        yield Suggestion(
            name="unanswerable_questions",
            sentence="Add some questions that the documents do not answer (`answerable: false`): without them nothing "
            f"tells whether {arm_label(arm)} says so, or makes an answer up.",
            evidence={"arm": arm, "unanswerable_questions": 0},
        )
    elif should.questions >= MIN_UNANSWERABLE and should.abstained < ABSTAINED_FROM * should.questions:
        yield Suggestion(
            name="answers_the_unanswerable",
            sentence=f"{arm_label(arm)} answers {should.questions - should.abstained} of {should.questions} questions "
            "that the documents do not answer: set `retrieval.min_similarity`, and `retrieval.abstain` to what it is "
            "to say then.",
            evidence=evidence,
        )
    if should_not.questions and should_not.abstained > ABSTAINED_WRONGLY_FROM * should_not.questions:
        yield Suggestion(
            name="abstains_too_often",
            sentence=f"{arm_label(arm)} abstains on {should_not.abstained} of {should_not.questions} questions that "
            "have an answer: lower `retrieval.min_similarity`, or look at what retrieval misses.",
            evidence={"arm": arm, "answerable_questions": should_not.questions, "abstained": should_not.abstained},
        )


def _better_stage(retrieval: RetrievalReport | None) -> Iterator[Suggestion]:
    """The one switch after which sources are surely found better than by the config's pipeline."""
    metric = f"mrr_at_{retrieval.depth}" if retrieval else ""
    better = [
        (test, ablation)
        for ablation in (retrieval.ablations if retrieval else ())
        if (test := ablation.against_full.get(metric)) and test.difference > 0 and test.p_value_holm < SURE
    ]
    if better:
        yield _switch(*max(better, key=lambda pair: pair[0].difference))


def _switch(test: PairedTest, ablation: Ablation) -> Suggestion:
    label = change_label(ablation.change)
    return Suggestion(
        name="better_stage",
        sentence=f"Retrieval finds sources better {label[:1].lower()}{label[1:]}, by {test.difference:.3f} in "
        "mean reciprocal rank: set `retrieval` accordingly, and see that it holds on other questions.",
        evidence=test.model_dump(mode="json", include={"arm", "against", "metric", "difference", "p_value_holm"}),
    )
