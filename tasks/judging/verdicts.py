"""What an LLM judge may reply, and the verdict that its two replies on one comparison amount to."""

import json
import re
import unicodedata
from functools import cache
from typing import Any, Literal

from pydantic import Field, ValidationError

from tasks.judging.judges import Verdict
from tasks.records import Preference, Record

REASON_LENGTH = 300  # characters
_REPLY_LENGTH = 20_000  # characters; more is no verdict, whatever it holds

# The keys that all endpoints take; what they cannot say is seen to when the reply is read.
_SCHEMA_KEYS = ("type", "enum", "maxLength")

# Joiners that words of Persian, Hindi and others are written with.
_JOINERS = "\u200c\u200d"

# Asked for, but a longer reason is cut rather than refused: some endpoints do not read the schema.
_REASON = Field(json_schema_extra={"maxLength": REASON_LENGTH})


class PairwiseReply(Record):
    """Which of two answers is better. The reason comes first, so that the preference follows from it."""

    reason: str = _REASON
    preference: Literal["first", "second", "tie", "both_bad"]


class RubricReply(Record):
    """How good one answer is."""

    reason: str = _REASON
    score: int = Field(ge=1, le=5, json_schema_extra={"enum": [1, 2, 3, 4, 5]})


JudgeReply = PairwiseReply | RubricReply


@cache
def json_schema(reply_type: type[Record]) -> dict[str, Any]:
    """The JSON schema that the endpoint is asked to write by."""
    schema = reply_type.model_json_schema()
    fields = {
        name: {key: value for key, value in field.items() if key in _SCHEMA_KEYS}
        for name, field in schema["properties"].items()
    }
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def parse_reply(text: str, reply_type: type[JudgeReply]) -> JudgeReply:
    """The reply in a text that is one JSON object of the schema and nothing else.

    Raises:
        ValueError: when it is not; nothing is guessed.
    """
    if len(text) > _REPLY_LENGTH:
        raise ValueError(f"a reply of {len(text)} characters")
    try:
        reply = reply_type.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'reply'}: {first['msg']}") from error
    json.loads(text, object_pairs_hook=_refuse_repeated_keys)
    return reply


def compare_orders(a_first: PairwiseReply, b_first: PairwiseReply) -> Verdict:
    """The verdict on a and b from the replies with a shown first and with b shown first.

    When they agree it is what both say. When they do not, place decided and not the answers: a tie, marked
    `swap_inconsistent` (the conservative way of Zheng et al. 2023, arXiv 2306.05685, section 3.4).

    Confidence is 1 when they agree, 0 when each prefers another answer, and 0.5 otherwise, where one of them saw
    no difference, or nothing good, and the other a winner.
    """
    orders = _named(a_first.preference, ("a", "b")), _named(b_first.preference, ("b", "a"))
    agree = orders[0] == orders[1]
    contradict = set(orders) == {"a", "b"}
    return Verdict(
        preference=orders[0] if agree else "tie",
        confidence=1.0 if agree else 0.0 if contradict else 0.5,
        reason=_joined({"a first": a_first.reason, "b first": b_first.reason}),
        swap_inconsistent=not agree,
        both_orders=orders,
    )


def compare_scores(a: RubricReply, b: RubricReply) -> Verdict:
    """The verdict on a and b from their scores: the higher wins, equals tie, and where both have 1, both are bad.

    Each is scored without sight of the other, so there is no order for the judge to be moved by.

    Confidence is 0.5 for a tie and for a gap of one point, the least that can be told apart, and rises with the gap
    to 1 at four points; 1 when both have the lowest score.
    """
    reason = _joined({f"a scores {a.score}": a.reason, f"b scores {b.score}": b.reason})
    if a.score == b.score:
        lowest = a.score == 1
        return Verdict(preference="both_bad" if lowest else "tie", confidence=1.0 if lowest else 0.5, reason=reason)
    gap = abs(a.score - b.score)
    return Verdict(
        preference="a" if a.score > b.score else "b", confidence=round(0.5 + 0.5 * (gap - 1) / 3, 4), reason=reason
    )


def one_line(text: str) -> str:
    """The text in one line of at most 300 characters, safe to print: no control or invisible characters."""
    shown = text if text.isprintable() else "".join(_visible(character) for character in text)
    line = re.sub(r"\s+", " ", shown).strip()
    return line if len(line) <= REASON_LENGTH else f"{line[: REASON_LENGTH - 1]}…"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category.startswith("C") and character not in _JOINERS else character


def _joined(reasons: dict[str, str]) -> str:
    lines = {name: one_line(reason) for name, reason in reasons.items()}
    return "; ".join(f"{name}: {line}" if line else name for name, line in lines.items())


def _named(preference: str, shown: tuple[Preference, Preference]) -> Preference:
    names: dict[str, Preference] = {"first": shown[0], "second": shown[1], "tie": "tie", "both_bad": "both_bad"}
    return names[preference]


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a key is given twice")
    return dict(pairs)
