"""The labelling page as data: fields, questions, hidden metadata, guidelines, and what a record of it looks like.

Pure: what is sent and compared, and nothing that sends it. The shapes are those of Argilla's REST API.

Argilla's page puts the text of a field without markdown into the document as HTML, unescaped. Every text is
therefore escaped here, so that markup in an answer is read by the person rather than by their browser.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tasks.errors import ArgillaError
from tasks.feedback.labels import LabelRequest
from tasks.records import Message, Preference

# Limits of the server, refused with 422 beyond them.
GUIDELINES_LIMIT = 10_000  # characters
MESSAGE_LIMIT = 20_000  # characters of one chat message; ARGILLA_MAX_MESSAGE_LENGTH of the server
MESSAGES_LIMIT = 500

# What a person chooses, by the preference it stands for: the value stored and the text shown.
CHOICES: Mapping[Preference, tuple[str, str]] = {
    "a": ("a", "Answer A is better"),
    "b": ("b", "Answer B is better"),
    "tie": ("both_good", "Both are good"),
    "both_bad": ("both_bad", "Both are bad"),
}
PREFERENCES: Mapping[str, Preference] = {value: preference for preference, (value, _) in CHOICES.items()}

_VISIBLE, _HIDDEN = True, False


@dataclass(frozen=True)
class Schema:
    """Fields, questions and metadata properties, each as Argilla's REST API takes and gives them."""

    fields: Sequence[Mapping[str, Any]]
    questions: Sequence[Mapping[str, Any]]
    metadata: Sequence[Mapping[str, Any]]


def dataset_schema(with_contexts: bool) -> Schema:
    """The schema of a dataset; retrieved passages have a field only where there are some."""
    context = [_text_field("context", "Retrieved passages", required=False)] if with_contexts else []
    return Schema(
        fields=[
            {"name": "prompt", "title": "Conversation", "required": True, "settings": _settings("chat")},
            *context,
            _text_field("answer_a", "Answer A", required=True),
            _text_field("answer_b", "Answer B", required=True),
        ],
        questions=[
            {
                "name": "preference",
                "title": "Which answer is better?",
                "required": True,
                "settings": {
                    "type": "label_selection",
                    "options": [{"value": value, "text": text} for value, text in CHOICES.values()],
                },
            },
            _text_question(
                "correction",
                "A better answer, if you can write one",
                "The whole answer as it should have been. It is what the model learns from.",
            ),
            _text_question("reason", "Why? (a few words)", "What decided it for you."),
        ],
        metadata=[
            _property("round", "Round", "integer", _VISIBLE),
            _property("priority", "Priority (1 is first)", "integer", _VISIBLE),
            _property("why", "Why it was chosen", "terms", _HIDDEN),
            _property("arms", "Arms", "terms", _HIDDEN),
            _property("judge_confidence", "Judge's confidence", "float", _HIDDEN),
            _property("candidate_a", "Candidate A", "terms", _HIDDEN),
            _property("candidate_b", "Candidate B", "terms", _HIDDEN),
        ],
    )


def differences(expected: Schema, found: Schema) -> list[str]:
    """What in `found` would change the meaning of an answer or show what must stay hidden, one phrase each.

    Wording that explains (guidelines, descriptions, the questions' titles), markdown, and metadata that somebody
    added are theirs to change.
    """
    wanted, actual = _essentials(expected), _essentials(found)
    missing = [f"{name} is missing" for name in wanted if name not in actual]
    added = [f"{name} was added" for name in actual if name not in wanted and not name.startswith("metadata")]
    changed = [
        f"{name} has {aspect} {actual[name][aspect]!r} instead of {value!r}"
        for name, aspects in wanted.items()
        for aspect, value in aspects.items()
        if name in actual and actual[name][aspect] != value
    ]
    return missing + added + changed


def record_of(request: LabelRequest, question_ids: Mapping[str, str], audit: bool) -> dict[str, Any]:
    """The record that shows the request; `question_ids` are Argilla's ids by question name.

    Raises:
        ArgillaError: when the conversation has more messages than Argilla holds.
    """
    metadata: dict[str, Any] = {
        "round": request.round,
        "priority": request.priority,
        "why": request.why,
        # Sorted, so that not even somebody who gets at it learns which answer is whose.
        "arms": sorted(set(request.arms)),
        "candidate_a": request.candidate_a,
        "candidate_b": request.candidate_b,
    }
    if request.judge_confidence is not None:
        metadata["judge_confidence"] = float(request.judge_confidence)
    record: dict[str, Any] = {"external_id": request.id, "fields": fields_of(request), "metadata": metadata}
    if request.suggestion is not None and not audit:
        record["suggestions"] = [
            {
                "question_id": question_ids["preference"],
                "value": CHOICES[request.suggestion.preference][0],
                "agent": request.suggestion.agent,
                "score": request.suggestion.score,
                "type": "model",
            }
        ]
    return record


def fields_of(request: LabelRequest) -> dict[str, Any]:
    """The record's fields: everything that the person reads, escaped.

    Raises:
        ArgillaError: as `record_of` does.
    """
    chat = [message for original in request.prompt for message in _messages(original)]
    if len(chat) > MESSAGES_LIMIT:
        raise ArgillaError(
            f"The conversation of question {request.question_id!r} has {len(chat)} messages, and Argilla shows "
            f"{MESSAGES_LIMIT}: shorten it."
        )
    fields: dict[str, Any] = {
        "prompt": chat,
        "answer_a": _escape(request.answer_a),
        "answer_b": _escape(request.answer_b),
    }
    if request.contexts:
        numbered = (f"[{place}] {text}" for place, text in enumerate(request.contexts, start=1))
        fields["context"] = _escape("\n\n".join(numbered))
    return fields


def default_guidelines(domain: str) -> str:
    """The built-in guidelines, in markdown, for a domain of that name."""
    # One line a paragraph, for Argilla breaks lines where the markdown does.
    template = resources.files("tasks.feedback") / "templates" / "guidelines.md"
    return template.read_text(encoding="utf-8").format(domain=domain, **dict(CHOICES.values()))


def check_guidelines(text: str) -> str:
    """The text itself.

    Raises:
        ArgillaError: when Argilla would not take it as guidelines.
    """
    if not 1 <= len(text.strip()) <= len(text) <= GUIDELINES_LIMIT:
        raise ArgillaError(
            f"The guidelines have {len(text)} characters, and Argilla takes 1 to {GUIDELINES_LIMIT}: "
            "change the file in human_feedback.guidelines."
        )
    return text


def _escape(text: str) -> str:
    # PostgreSQL cannot hold a NUL character.
    return html.escape(text.replace("\0", "\N{REPLACEMENT CHARACTER}"), quote=False)


def _messages(message: Message) -> Iterator[dict[str, str]]:
    """The message, in as many parts as Argilla's limit makes of it; an empty one has none."""
    rest = _escape(message.content)
    while rest:
        cut = min(len(rest), MESSAGE_LIMIT)
        # Not within an entity, which has no more than five characters.
        start = rest.rfind("&", cut - 4, cut)
        if cut < len(rest) and start != -1 and ";" not in rest[start:cut]:
            cut = start
        yield {"role": message.role, "content": rest[:cut]}
        rest = rest[cut:]


def _settings(kind: str) -> dict[str, Any]:
    return {"type": kind, "use_markdown": False}


def _text_field(name: str, title: str, required: bool) -> dict[str, Any]:
    return {"name": name, "title": title, "required": required, "settings": _settings("text")}


def _text_question(name: str, title: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": description,
        "required": False,
        "settings": _settings("text"),
    }


def _property(name: str, title: str, kind: str, visible: bool) -> dict[str, Any]:
    return {"name": name, "title": title, "settings": {"type": kind}, "visible_for_annotators": visible}


def _essentials(schema: Schema) -> dict[str, dict[str, Any]]:
    """What must not change, by the name it goes by in an error."""
    found: dict[str, dict[str, Any]] = {}
    for field in schema.fields:
        found[f"field {field['name']!r}"] = {"type": field["settings"]["type"], "title": field["title"]}
    for question in schema.questions:
        options = {option["value"]: option["text"] for option in question["settings"].get("options") or ()}
        found[f"question {question['name']!r}"] = {
            "type": question["settings"]["type"],
            "required": bool(question["required"]),
            "options": options,
        }
    for item in schema.metadata:
        found[f"metadata {item['name']!r}"] = {
            "type": item["settings"]["type"],
            "visible_for_annotators": item["visible_for_annotators"],
        }
    return found
