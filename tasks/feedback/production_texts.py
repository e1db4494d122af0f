"""The question and the answer in what a traced application was given and gave back. Pure.

Understood are a text; an object with one text, or with one under a usual name; and the chat messages of OpenAI's APIs
and what resembles them. Training is on single turns, so a conversation in which the user spoke more than once is left
out: its last message is no question that could be asked alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

QUESTION_KEYS = ("question", "query", "prompt", "user_input", "user_message", "message", "input", "inputs", "text")
ANSWER_KEYS = ("answer", "response", "output_text", "output", "outputs", "completion", "content", "text", "result")
_TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass(frozen=True)
class Unusable:
    """Why nothing can be learned from a trace; a plural that completes `3 ...`, in snake case."""

    reason: str


NO_QUESTION = Unusable("traces_without_a_question")
NO_ANSWER = Unusable("traces_without_an_answer")
SEVERAL_TURNS = Unusable("conversations_of_several_turns")
SEVERAL_ANSWERS = Unusable("traces_with_several_answers")
NOT_ONLY_TEXT = Unusable("traces_with_more_than_text")


def question_in(inputs: Any) -> str | Unusable:
    """The question that the application was asked; its other parameters and the system's messages are passed over."""
    if isinstance(inputs, str):
        return inputs
    if _are_messages(inputs):
        return _only_user_message(inputs)
    if not isinstance(inputs, Mapping):
        return NO_QUESTION
    if _are_messages(inputs.get("messages")):
        return _only_user_message(inputs["messages"])
    value = _named_value(inputs, QUESTION_KEYS)
    return NO_QUESTION if value is None else question_in(value)


def answer_in(outputs: Any) -> str | Unusable:
    """The answer that the application gave; of several messages the assistant's last."""
    if isinstance(outputs, str):
        return outputs
    if isinstance(outputs, list) or (isinstance(outputs, Mapping) and "role" in outputs):
        return _last_spoken(outputs if isinstance(outputs, list) else [outputs])
    if not isinstance(outputs, Mapping):
        return NO_ANSWER
    if isinstance(outputs.get("choices"), list):
        return _only_choice(outputs["choices"])
    if _are_messages(outputs.get("messages")):
        return _last_spoken(outputs["messages"])
    value = _named_value(outputs, ANSWER_KEYS)
    return NO_ANSWER if value is None else answer_in(value)


def _only_choice(choices: Sequence[Any]) -> str | Unusable:
    if len(choices) > 1:
        return SEVERAL_ANSWERS  # nobody knows which of them the user saw
    if not choices or not isinstance(choices[0], Mapping):
        return NO_ANSWER
    message = choices[0].get("message")
    return _text_of(message.get("content") if isinstance(message, Mapping) else choices[0].get("text"), NO_ANSWER)


def _last_spoken(outputs: Sequence[Any]) -> str | Unusable:
    """The text of the assistant's last message; of a stream of texts, the whole."""
    if outputs and all(isinstance(chunk, str) for chunk in outputs):
        return "".join(outputs)
    spoken = [each for each in outputs if isinstance(each, Mapping) and each.get("role") == "assistant"]
    said = [message["content"] for message in spoken if message.get("content")]
    return _text_of(said[-1], NO_ANSWER) if said else NO_ANSWER


def _named_value(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value under the first usual name, or the only value, or the only text; None when it is none of these."""
    for name in names:
        if fields.get(name) is not None:
            return fields[name]
    values = list(fields.values())
    texts = [value for value in values if isinstance(value, str)]
    if len(values) == 1:
        return values[0]
    return texts[0] if len(texts) == 1 else None


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) and "role" in each for each in value)
    )


def _only_user_message(messages: Sequence[Mapping[str, Any]]) -> str | Unusable:
    asked = [message for message in messages if message["role"] in ("user", "human")]
    if len(asked) > 1:
        return SEVERAL_TURNS
    return _text_of(asked[0].get("content"), NO_QUESTION) if asked else NO_QUESTION


def _text_of(content: Any, when_absent: Unusable) -> str | Unusable:
    """The text of a message, given as such or in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return when_absent
    if not all(isinstance(part, Mapping) and part.get("type") in _TEXT_PARTS for part in content):
        return NOT_ONLY_TEXT
    return "".join(str(part.get("text", "")) for part in content)
