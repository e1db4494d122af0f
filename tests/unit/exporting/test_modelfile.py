"""Ollama's template asks the model as the chat template does, and the Modelfile decodes as evaluated."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import Environment, TemplateError
from tiny_model import CHATML

from tasks.exporting.modelfile import Messages, Render, modelfile, take_apart, why_no_modelfile
from tasks.models.loading import PLAIN_TEMPLATE

SMOLLM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# A start token, turns that end otherwise than they begin, and braces, which Go would take for its own.
BRACES = (
    "{{ '<s>' }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '{{U}} ' + message['content'] }}"
    "{% elif message['role'] == 'system' %}{{ '[S]' + message['content'] + '[/S]' }}"
    "{% else %}{{ ' [A]' + message['content'] + '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ ' [A]<think>' }}{% endif %}"
)
NUMBERED = "{% for message in messages %}{{ loop.index }}{{ message['role'] + message['content'] }}{% endfor %}"
FORGETFUL = "{{ messages[-1]['content'] }}"
STRICT = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role.') }}{% endif %}" + CHATML
Nodes = list[tuple[str, str, list[Any]]]
TOKEN = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def renderer(template: str) -> Render:
    def refuse(reason: str) -> None:
        raise TemplateError(reason)

    compiled = Environment().from_string(template)
    return lambda messages: compiled.render(
        messages=messages, add_generation_prompt=True, eos_token="</s>", raise_exception=refuse
    )


def run_go(template: str, messages: Messages) -> str:
    """The little of Go's text/template that the templates use: range, if, else if, eq, strings, end."""
    pieces = iter(TOKEN.split(template))
    nodes, _ = parse(enumerate(pieces))
    return execute(nodes, messages, {})


def parse(pieces: Iterator[tuple[int, str]]) -> tuple[Nodes, str]:
    nodes: Nodes = []
    for place, piece in pieces:
        word = piece.strip() if place % 2 else ""
        if not place % 2:
            nodes.append(("text", piece, []))
        elif word == "end" or word.startswith("else"):
            return nodes, word
        elif word.startswith("range"):
            body, _ = parse(pieces)
            nodes.append(("range", word, [body]))
        elif word.startswith("if"):
            branches: list[Any] = []
            condition: str | None = word
            while condition is not None:
                body, ended = parse(pieces)
                branches.append((condition, body))
                condition = None if ended == "end" else ended.removeprefix("else").strip()
            nodes.append(("if", word, branches))
        else:
            nodes.append(("value", word, []))
    return nodes, "end"


def execute(nodes: Any, messages: Messages, scope: dict[str, Any]) -> str:
    text = ""
    for kind, word, parts in nodes:
        if kind == "text":
            text += word
        elif kind == "value":
            text += str(value(word, scope))
        elif kind == "range":
            for place, message in enumerate(messages):
                text += execute(parts[0], messages, {"$place": place, "$message": message})
        else:
            chosen = next((body for condition, body in parts if holds(condition, scope)), [])
            text += execute(chosen, messages, scope)
    return text


def holds(condition: str, scope: dict[str, Any]) -> bool:
    if not condition:  # a plain else
        return True
    _, eq, one, other = condition.split(maxsplit=3)
    assert eq == "eq"
    return value(one, scope) == value(other, scope)


def value(word: str, scope: dict[str, Any]) -> Any:
    if word.startswith('"'):
        return word.strip('"')
    if word.isdigit():
        return int(word)
    name, _, field = word.partition(".")
    found = scope[name]
    return found[field.lower()] if field else found


CONVERSATIONS: list[list[dict[str, str]]] = [
    [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}],
    [{"role": "user", "content": "Q {{ .Messages }}"}],
    [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "A\nB"},
        {"role": "user", "content": "R"},
        {"role": "assistant", "content": "T"},
        {"role": "user", "content": "U"},
    ],
    [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}],
]


@pytest.mark.parametrize("messages", CONVERSATIONS)
@pytest.mark.parametrize(
    "template", [CHATML, SMOLLM, BRACES, PLAIN_TEMPLATE], ids=["chatml", "smollm", "braces", "plain"]
)
def test_gos_template_writes_what_the_chat_template_writes(template: str, messages: Messages) -> None:
    render = renderer(template)
    texts = take_apart(render)
    assert texts is not None
    assert texts.render(messages) == render(messages)
    assert run_go(texts.go_template(), messages) == render(messages)


@pytest.mark.parametrize("template", [NUMBERED, FORGETFUL, STRICT], ids=["numbered", "forgetful", "strict"])
def test_a_chat_template_that_does_more_is_not_written_as_something_else(template: str) -> None:
    assert take_apart(renderer(template)) is None
    assert why_no_modelfile(None, "", []) == (
        "There is no Modelfile: the base's chat template cannot be written as a template for Ollama."
    )


def test_the_modelfile_has_the_domains_prompt_and_decodes_greedily() -> None:
    texts = take_apart(renderer(CHATML))
    assert texts is not None
    lines = modelfile("shop-v2-F16.gguf", texts, "Be brief.\nBe right.", 64, 1088, ["<|im_end|>"])
    head, _, rest = lines.partition('TEMPLATE """')
    template, _, rest = rest.partition('"""\n')
    assert head == "FROM ./shop-v2-F16.gguf\n"
    assert template == texts.go_template()
    assert rest == (
        'SYSTEM """Be brief.\nBe right."""\n'
        "PARAMETER temperature 0\n"
        "PARAMETER repeat_penalty 1\n"
        "PARAMETER num_predict 64\n"
        "PARAMETER num_ctx 1088\n"
        'PARAMETER stop "<|im_end|>"\n'
    )


def test_without_a_prompt_of_the_domain_the_templates_own_default_stands() -> None:
    texts = take_apart(renderer(SMOLLM))
    assert texts is not None
    assert "SYSTEM" not in modelfile("m.gguf", texts, "", 8, 64, [])
    assert "You help." in run_go(texts.go_template(), [{"role": "user", "content": "Q"}])


@pytest.mark.parametrize(
    ("system_prompt", "ends"), [('Say """so""".', []), ('Say "so"', []), ("", ['"end"'])], ids=["three", "last", "stop"]
)
def test_quotation_marks_that_the_format_cannot_hold_are_said(system_prompt: str, ends: list[str]) -> None:
    texts = take_apart(renderer(CHATML))
    assert why_no_modelfile(texts, system_prompt, ends) == (
        "There is no Modelfile: its format cannot hold the quotation marks of the prompt or the chat template."
    )
    assert why_no_modelfile(texts, 'Say "so".', ["<|im_end|>"]) is None
