"""The gate: whether a challenger may become the champion, as named checks with their figures. Pure.

The same evidence and settings give the same certificate, whenever they are asked again.
"""

from collections.abc import Iterator

from tasks.gate.canary import not_worse_to_users
from tasks.gate.fitness import (
    licences_recorded,
    no_secret_in_answers,
    no_test_question_in_answers,
    within_latency,
    within_memory,
)
from tasks.gate.identity import not_taken_back, same_answers_in_every_form, same_champion, same_model
from tasks.gate.improvement import better_than_champion, enough_test_questions
from tasks.gate.preference import preferred_by_judges
from tasks.gate.retention import not_worse_on
from tasks.records import Certificate, Check, Fitness, GateEvidence
from tasks.settings.evaluation import PromoteSettings


def decide(evidence: GateEvidence, settings: PromoteSettings) -> Certificate:
    """The certificate of a challenger; it may be promoted when every check passed."""
    return Certificate(
        checks=(
            enough_test_questions(evidence.questions, settings.min_test_questions),
            better_than_champion(evidence.superiority, evidence.comparison),
            *(not_worse_on(test) for test in evidence.skills),
            *([preferred_by_judges(evidence.judged, settings.judged_margin)] if settings.judged else []),
            same_model(evidence.max_logit_difference),
            *([same_answers_in_every_form(evidence.forms)] if evidence.forms else []),
            same_champion(evidence.compared_with, evidence.champion_now, evidence.challenger),
            not_taken_back(evidence.challenger, evidence.taken_back),
            *_fit_to_serve(evidence.fitness, settings),
            *([not_worse_to_users(evidence.canary)] if evidence.canary is not None else []),
        )
    )


def _fit_to_serve(fitness: Fitness | None, settings: PromoteSettings) -> Iterator[Check]:
    """The checks of what was found of the challenger, and of each budget there is, found or not."""
    budget = settings.serving
    if budget.max_latency_s is not None:
        yield within_latency(fitness.latency_s if fitness else None, budget.max_latency_s)
    if budget.max_memory_bytes is not None:
        yield within_memory(fitness.memory if fitness else None, budget.max_memory_bytes)
    if fitness is not None:
        yield no_secret_in_answers(fitness)
        yield no_test_question_in_answers(fitness)
        yield licences_recorded(fitness.licences, settings.require_licences)
