"""Whether an answer keeps the constraints that its question names, each of which a program can check. Pure.

The idea is that of Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models" (IFEval): a model
follows instructions as far as it keeps those that need no judge. A question names them in its metadata, as in
`{"constraints": {"max_words": 10, "contains": "river"}}`; its text has to ask for them.

Words and sentences are those of the rest of the project, in any script: words are compared without case, accents may
be composed or not, and punctuation between them does not count.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tasks.domain.json_objects import kind_of, shown
from tasks.retrieval.spans import sentences
from tasks.words import split_words

KEY = "constraints"  # of a question's metadata

_BULLET = re.compile(r"^[^\S\n]*[-*•][^\S\n]+\S", re.MULTILINE)
_FENCED = re.compile(r"```(?:json)?[^\S\n]*\n(.*)\n[^\S\n]*```", re.DOTALL)
_KIND_OF_JSON = {"object": dict, "array": list}


@dataclass(frozen=True)
class _Constraint:
    """A constraint: what its value has to be, in words and checked, and whether an answer keeps it."""

    value: str
    is_value: Callable[[Any], bool]
    keeps: Callable[[str, Any], bool]


def share_kept(answer: str, constraints: Mapping[str, Any]) -> float:
    """The share of the constraints that the answer keeps, 0 to 1; 0 for an answer without a word, which says nothing.

    Args:
        constraints: at least one, as `constraints_of` gives them of a question without `constraint_problems`.
    """
    return sum(keeps(answer, name, value) for name, value in constraints.items()) / len(constraints)


def keeps(answer: str, name: str, value: Any) -> bool:
    """Whether the answer keeps one constraint; an answer without a word keeps none."""
    return bool(split_words(answer)) and CONSTRAINTS[name].keeps(answer, value)


def constraints_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """The constraints that a question's metadata name, values by name."""
    found: Mapping[str, Any] = metadata[KEY]
    return found


def constraint_problems(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Why a question cannot be scored by its constraints, each continuing a sentence that names file and line."""
    found = metadata.get(KEY)
    if found is None or found == {}:
        yield f"names no `{KEY}` in its metadata, by which it is scored; name some of {', '.join(CONSTRAINTS)}."
    elif not isinstance(found, dict):
        what = f"has {kind_of(found)} as `metadata.{KEY}` (value {shown(found)})"
        yield f'{what}, not an object; write {{"max_words": 9}}.'
    else:
        sound = [name for name, value in found.items() if name in CONSTRAINTS and CONSTRAINTS[name].is_value(value)]
        yield from (_problem_of(name, value) for name, value in found.items() if name not in sound)
        yield from _contradictions({name: found[name] for name in sound})


def _problem_of(name: str, value: Any) -> str:
    if name in CONSTRAINTS:
        return f"has {shown(value)} as the constraint `{name}`, not {CONSTRAINTS[name].value}; correct it."
    close = difflib.get_close_matches(name, CONSTRAINTS, n=1)
    remedy = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(CONSTRAINTS)}."
    return f"has the unknown constraint {shown(name)} (value {shown(value)}); {remedy}"


def _contradictions(sound: Mapping[str, Any]) -> Iterator[str]:
    least, most = sound.get("min_words", 1), sound.get("max_words")
    if most is not None and least > most:
        yield f"has the constraints `min_words` {least} and `max_words` {most}, which no answer keeps; correct one."
    if "lower_case" in sound and "upper_case" in sound:
        yield "has the constraints `lower_case` and `upper_case`, which no answer keeps; leave one out."
    for wanted in _texts(sound.get("contains", [])):
        for unwanted in _texts(sound.get("excludes", [])):
            if _has(wanted, unwanted):
                both = f"`contains` {shown(wanted)} and `excludes` {shown(unwanted)}"
                yield f"has the constraints {both}, which no answer keeps; correct one."


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(split_words(value))


def _is_text_or_texts(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and bool(value) and all(map(_is_text, value)))


def _is_choice(value: Any) -> bool:
    if not isinstance(value, list) or not all(map(_is_text, value)):
        return False
    return len({tuple(split_words(text)) for text in value}) == len(value) >= 2


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _has(answer: str, text: str) -> bool:
    """Whether the words of the text follow one another in the answer."""
    words, wanted = split_words(answer), split_words(text)
    return any(words[place : place + len(wanted)] == wanted for place in range(len(words) - len(wanted) + 1))


def _starts_with(answer: str, text: str) -> bool:
    wanted = split_words(text)
    return split_words(answer)[: len(wanted)] == wanted


def _ends_with(answer: str, text: str) -> bool:
    wanted = split_words(text)
    return split_words(answer)[-len(wanted) :] == wanted


def _count_sentences(answer: str) -> int:
    return sum(bool(split_words(answer[start:end])) for start, end in sentences(answer, 0, len(answer)))


def _is_json(answer: str, kind: str) -> bool:
    """Whether the whole answer is one such value, with or without a code fence around it."""
    text = answer.strip()
    fenced = _FENCED.fullmatch(text)
    try:
        value = json.loads(fenced[1] if fenced else text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, _KIND_OF_JSON[kind])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


_COUNT = ("a whole number of at least 1", _is_count)
_TRUE = ("true (else leave it out)", lambda value: value is True)
_TEXT = ("a text with a word", _is_text)
_TEXTS = ("a text with a word, or a list of such", _is_text_or_texts)

CONSTRAINTS: Mapping[str, _Constraint] = {
    "max_words": _Constraint(*_COUNT, lambda answer, count: len(split_words(answer)) <= count),
    "min_words": _Constraint(*_COUNT, lambda answer, count: len(split_words(answer)) >= count),
    "max_sentences": _Constraint(*_COUNT, lambda answer, count: _count_sentences(answer) <= count),
    # Lines that begin with -, * or • and a space: so many, neither more nor fewer.
    "bullets": _Constraint(*_COUNT, lambda answer, count: len(_BULLET.findall(answer)) == count),
    # There is a letter with cases, and all such are lower ones; else upper ones.
    "lower_case": _Constraint(*_TRUE, lambda answer, _: answer.islower()),
    "upper_case": _Constraint(*_TRUE, lambda answer, _: answer.isupper()),
    # Of several texts all, and none.
    "contains": _Constraint(*_TEXTS, lambda answer, value: all(_has(answer, text) for text in _texts(value))),
    "excludes": _Constraint(*_TEXTS, lambda answer, value: not any(_has(answer, text) for text in _texts(value))),
    "starts_with": _Constraint(*_TEXT, _starts_with),
    "ends_with": _Constraint(*_TEXT, _ends_with),
    # The words of the answer are those of one of the texts, and no others.
    "one_of": _Constraint(
        "a list of at least two different texts",
        _is_choice,
        lambda answer, texts: split_words(answer) in [split_words(text) for text in texts],
    ),
    "json": _Constraint(
        '"object" or "array"', lambda value: isinstance(value, str) and value in _KIND_OF_JSON, _is_json
    ),
}
