"""What users who met a challenger say of it before it may be approved, where `promote.canary_pairs` asks for that."""

from tasks.config import Config
from tasks.gate.certificate import decide
from tasks.home import Home
from tasks.records import CanaryEvidence, PromotionDecision


def read_canary(config: Config, home: Home, decision: PromotionDecision) -> CanaryEvidence | None:
    """What users' thumbs say by now of a challenger that waits; None where its approval needs none.

    What is asked of them is what the settings said when it was decided on.

    Raises:
        RatchetError: when MLflow cannot be read.
    """
    from tasks.evaluation.canary import prove_not_worse
    from tasks.serve.thumbs import compare_served

    settings, evidence = decision.settings, decision.evidence
    if settings.canary_pairs is None:
        return None
    compared = compare_served(
        config,
        home,
        evidence.compared_with,
        evidence.challenger,
        resamples=evidence.resamples,
        seed=evidence.seed,
    )
    return prove_not_worse(
        compared, needed=settings.canary_pairs, margin=settings.canary_margin, level=settings.regression_rate
    )


def ask_users(config: Config, home: Home, decision: PromotionDecision) -> PromotionDecision:
    """The decision made again with users' thumbs in its evidence; as it is where its approval needs none.

    Raises:
        RatchetError: when MLflow cannot be read.
    """
    found = read_canary(config, home, decision)
    if found is None:
        return decision
    evidence = decision.evidence.model_copy(update={"canary": found})
    return decision.model_copy(update={"evidence": evidence, "certificate": decide(evidence, decision.settings)})


def objections(decision: PromotionDecision) -> str:
    """The sentences of the checks that failed; empty when none did."""
    return " ".join(check.sentence for check in decision.certificate.checks if not check.passed)
