"""Demonstrations: prompts with a good completion, for supervised fine-tuning."""

from collections.abc import Iterator, Sequence

from tasks.feedback.pairing import comparable_text
from tasks.files import sha256_of
from tasks.models.prompting import build_messages
from tasks.records import Demonstration, Feedback, Message, Question


def build_demonstrations(
    questions: Sequence[Question], feedback: Sequence[Feedback], system_prompt: str
) -> tuple[list[Demonstration], dict[str, int]]:
    """The demonstrations, sorted by id, and what was left out, by reason; input order changes nothing.

    They come from the reference answers of train questions and from corrections. A correction is the later
    word on its question, so it replaces the reference answer; several corrections of a question all stay.
    """
    dropped = dict.fromkeys(
        (
            "corrections_on_unknown_questions",
            "corrections_on_test_questions",
            "corrections_blank",
            "references_blank",
            "references_replaced_by_corrections",
            "demonstrations_duplicate",
        ),
        0,
    )
    by_id = {question.id: question for question in questions}
    proposals: list[Demonstration] = []
    corrected: set[str] = set()
    for row in feedback:
        if row.correction is None:
            continue
        question = by_id.get(row.question_id)
        if question is None:
            dropped["corrections_on_unknown_questions"] += 1
        elif question.split == "test":
            dropped["corrections_on_test_questions"] += 1
        elif not row.correction.strip():
            dropped["corrections_blank"] += 1
        else:
            corrected.add(question.id)
            proposals.append(_demonstration(question, row.correction, f"correction:{row.id}", system_prompt))
    for question, answer in _train_references(questions):
        if not answer.strip():
            dropped["references_blank"] += 1
        elif question.id in corrected:
            dropped["references_replaced_by_corrections"] += 1
        else:
            proposals.append(_demonstration(question, answer, "reference", system_prompt))
    kept = _without_duplicates(proposals)
    dropped["demonstrations_duplicate"] = len(proposals) - len(kept)
    return sorted(kept, key=lambda row: row.id), dropped


def _train_references(questions: Sequence[Question]) -> Iterator[tuple[Question, str]]:
    for question in questions:
        if question.split == "train" and question.answer is not None:
            yield question, question.answer


def _demonstration(question: Question, completion: str, source: str, system_prompt: str) -> Demonstration:
    """The row; its id covers what a model learns from, so equal rows have equal ids on any machine."""
    prompt, completion = build_messages(system_prompt, question.question), completion.strip()
    return Demonstration(
        id=sha256_of({"prompt": [message.model_dump() for message in prompt], "completion": completion}),
        question_id=question.id,
        family=question.family,
        prompt=prompt,
        completion=completion,
        source=source,
    )


def _without_duplicates(rows: Sequence[Demonstration]) -> list[Demonstration]:
    """One row for each prompt and completion, the one whose source and question sort first."""
    kept: dict[tuple[tuple[Message, ...], str], Demonstration] = {}
    for row in sorted(rows, key=lambda row: (row.source, row.question_id, row.id)):
        kept.setdefault((row.prompt, comparable_text(row.completion)), row)
    return list(kept.values())
