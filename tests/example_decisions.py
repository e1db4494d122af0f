"""What a gate goes by, as it could have come out: a challenger that passes, unless a test says otherwise."""

from typing import Any

from example_models import paired_difference
from example_superiority import superiority

from tasks.gate.certificate import decide
from tasks.records import Certificate, GateEvidence, ModelVersion, PromotionDecision
from tasks.settings.evaluation import PromoteSettings


def gate_evidence(**changes: Any) -> GateEvidence:
    """Evidence of a challenger that is proven better and the same model, with other fields where they are given."""
    fields: dict[str, Any] = {
        "questions": 40,
        "comparison": paired_difference(),
        "superiority": superiority(),
        "max_logit_difference": 0.0,
        "compared_with": 1,
        "champion_now": 1,
        "challenger": 2,
        "resamples": 1000,
        "seed": 0,
    }
    return GateEvidence(**fields | changes)


def promotion_decision(
    challenger: ModelVersion,
    champion: ModelVersion,
    *,
    round: int = 1,
    evidence: GateEvidence | None = None,
    settings: PromoteSettings | None = None,
    certificate: Certificate | None = None,
    **changes: Any,
) -> PromotionDecision:
    """The gate's decision about the evidence, unless another certificate is given."""
    evidence, settings = evidence or gate_evidence(), settings or PromoteSettings()
    certificate = certificate or decide(evidence, settings)
    promoted = certificate.passed and settings.approval == "auto"
    fields: dict[str, Any] = {
        "round": round,
        "promoted": promoted,
        "challenger": challenger,
        "champion_before": champion,
        "champion": challenger if promoted else champion,
        "evidence": evidence,
        "settings": settings,
        "certificate": certificate,
        "report_sha256": "d" * 64,
    }
    return PromotionDecision(**fields | changes)
