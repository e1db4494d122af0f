"""The Modelfile for Ollama: the GGUF file with the domain's prompt and the decoding that was evaluated. Pure.

Ollama reads Go templates and no Jinja. So the chat template is rendered with marks in place of the messages, which
shows the fixed texts between them; the Go template writes these. That it is the same template is tried out on
conversations of several kinds, and where it is not, there is no Modelfile rather than one that asks in another way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import TemplateError

Messages = Sequence[Mapping[str, str]]
Render = Callable[[Messages], str]

_QUOTES = '"""'


@dataclass(frozen=True)
class FixedTexts:
    """What a chat template writes around the messages of a conversation.

    Attributes:
        first_user: before the user's message where no system message comes first; a default prompt may be in it.
        system: before and after the system message.
        assistant: before and after an answer; the former follows the user's message.
        prompt: after the last message, where the model is to answer.
    """

    first_user: str
    system: tuple[str, str]
    assistant: tuple[str, str]
    prompt: str

    def render(self, messages: Messages) -> str:
        """The conversation as the Go template writes it."""
        text = ""
        for place, message in enumerate(messages):
            before, after = {
                "system": self.system,
                "user": ("" if place else self.first_user, ""),
                "assistant": self.assistant,
            }[message["role"]]
            text += f"{before}{message['content']}{after}"
        return text + self.prompt

    def go_template(self) -> str:
        """The same for Ollama, which runs it on `.Messages`."""
        system, answer = map(_literal, self.system), map(_literal, self.assistant)
        return (
            "{{ range $place, $message := .Messages }}"
            '{{ if eq $message.Role "system" }}'
            + "{{ $message.Content }}".join(system)
            + '{{ else if eq $message.Role "user" }}'
            "{{ if eq $place 0 }}" + _literal(self.first_user) + "{{ end }}{{ $message.Content }}"
            "{{ else }}" + "{{ $message.Content }}".join(answer) + "{{ end }}{{ end }}" + _literal(self.prompt)
        )


def take_apart(render: Render) -> FixedTexts | None:
    """The chat template's fixed texts; None where it does more than to write such around messages.

    Args:
        render: the chat template on a conversation, with the answer asked for; jinja2's errors mean that it refuses it.
    """
    try:
        between = _between(render, ["system", "user", "assistant", "user"])
        alone = _between(render, ["user"])
        if between is None or alone is None:
            return None
        before_system, after_system, before_answer, after_answer, prompt = between
        found = FixedTexts(alone[0], (before_system, after_system), (before_answer, after_answer), prompt)
        return found if all(found.render(probe) == render(probe) for probe in _conversations()) else None
    except TemplateError:
        return None


def modelfile(
    gguf_name: str, texts: FixedTexts, system_prompt: str, max_new_tokens: int, context_tokens: int, ends: Sequence[str]
) -> str:
    """The Modelfile of a GGUF file that lies beside it.

    Repetition is not punished: Ollama does by default, and the evaluated model's greedy answers were given without.

    Args:
        context_tokens: of a prompt and its answer.
        ends: texts that end an answer.
    """
    lines = [
        f"FROM ./{gguf_name}",
        f"TEMPLATE {_quoted(texts.go_template())}",
        *([f"SYSTEM {_quoted(system_prompt)}"] if system_prompt else []),
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        f"PARAMETER num_predict {max_new_tokens}",
        f"PARAMETER num_ctx {context_tokens}",
        *(f'PARAMETER stop "{end}"' for end in ends),
    ]
    return "\n".join(lines) + "\n"


def why_no_modelfile(texts: FixedTexts | None, system_prompt: str, ends: Sequence[str]) -> str | None:
    """A sentence, where Ollama's format cannot hold what the Modelfile has to say; None where it can."""
    if texts is None:
        return "There is no Modelfile: the base's chat template cannot be written as a template for Ollama."
    quoted = (texts.go_template(), system_prompt)
    if any(_QUOTES in f'{text}""' for text in quoted) or any('"' in end for end in ends):
        return "There is no Modelfile: its format cannot hold the quotation marks of the prompt or the chat template."
    return None


def _between(render: Render, roles: Sequence[str]) -> list[str] | None:
    """The texts before, between and after the messages; None when a message is not there exactly once."""
    marks = [f"\u2983{place}\u2984" for place in range(len(roles))]
    rest = render([{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)])
    texts = []
    for mark in marks:
        if rest.count(mark) != 1:
            return None
        before, _, rest = rest.partition(mark)
        texts.append(before)
    return [*texts, rest]


def _conversations() -> list[list[dict[str, str]]]:
    system, asked, answered, again = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is a {{ list }}?"},
        {"role": "assistant", "content": "A row of things.\nThey have an order."},
        {"role": "user", "content": "And a set?"},
    )
    return [[system, asked], [asked], [system, asked, answered, again], [asked, answered, again]]


def _literal(text: str) -> str:
    """Text that Go's templates write as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _quoted(text: str) -> str:
    return f"{_QUOTES}{text}{_QUOTES}"
