"""The gate: whether a challenger may become the champion, as named checks with their figures. Pure.

The same evidence and settings give the same certificate, whenever they are asked again.
"""

from tasks.gate.identity import same_champion, same_model
from tasks.gate.improvement import better_than_champion, enough_test_questions
from tasks.records import Certificate, GateEvidence
from tasks.settings.evaluation import PromoteSettings


def decide(evidence: GateEvidence, settings: PromoteSettings) -> Certificate:
    """The certificate of a challenger; it may be promoted when every check passed."""
    return Certificate(
        checks=(
            enough_test_questions(evidence.questions, settings.min_test_questions),
            better_than_champion(evidence.superiority, evidence.comparison),
            same_model(evidence.max_logit_difference),
            same_champion(evidence.compared_with, evidence.champion_now, evidence.challenger),
        )
    )
