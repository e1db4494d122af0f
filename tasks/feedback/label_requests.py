"""What a person is shown of a comparison, whichever reason it was chosen for."""

from tasks.feedback.drawing import draw_sides
from tasks.feedback.labels import LabelRequest, Suggestion, Why
from tasks.feedback.votes import preference_seen_from
from tasks.models.prompting import build_messages
from tasks.records import Comparison, Feedback

# What people see where a model said nothing; Argilla takes no empty field.
NO_ANSWER = "(no answer)"


def make_request(
    comparison: Comparison,
    request_id: str,
    *,
    why: Why,
    priority: int,
    round_number: int,
    seed: int,
    verdict: Feedback | None = None,
) -> LabelRequest:
    """The comparison as a person sees it: the sides drawn for each request by itself, an answer without a word shown
    as that.

    Args:
        priority: 1 is asked first.
        verdict: a judge's; it is suggested to the person, except on the audit slice.
    """
    a, b = draw_sides(comparison, request_id, seed)
    suggestion = None
    if verdict is not None and why != "audit":
        shown = preference_seen_from(verdict, a.id)
        suggestion = Suggestion(agent=verdict.source, preference=shown, score=verdict.confidence)
    return LabelRequest(
        id=request_id,
        round=round_number,
        question_id=comparison.question.id,
        # The system prompt is for the model: people are asked what the user asked.
        prompt=build_messages("", comparison.question.question),
        candidate_a=a.id,
        candidate_b=b.id,
        answer_a=a.text if a.text.strip() else NO_ANSWER,
        answer_b=b.text if b.text.strip() else NO_ANSWER,
        arms=(a.arm, b.arm),
        why=why,
        priority=priority,
        suggestion=suggestion,
        judge_confidence=verdict.confidence if verdict else None,
    )
