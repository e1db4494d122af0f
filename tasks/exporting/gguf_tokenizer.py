"""A byte-level BPE tokenizer as GGUF metadata. Pure.

llama.cpp splits a text into words by rules that it has a name for, and the name is all that a GGUF file says of them.
It is found here by what the tokenizer itself says of its rules, and not by the model's name: the embedded base's own
GGUF file, for one, names other rules than the tokenizer that was made of it, and with which it was evaluated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.errors import ExportError

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA_3 = rf"{_WORDS}|\p{{N}}{{1,3}}|{_REST}"
_QWEN_2 = rf"{_WORDS}|\p{{N}}|{_REST}"
# What stands before the byte-level step, and llama.cpp's name for both together.
_RULES: Sequence[tuple[tuple[tuple[str, object], ...], bool, str]] = (
    ((), True, "gpt-2"),
    ((("Digits", True),), True, "smollm"),
    ((("Split", _LLAMA_3),), False, "llama-bpe"),
    ((("Split", _QWEN_2),), False, "qwen2"),
)


@dataclass(frozen=True)
class GgufTokenizer:
    """What GGUF metadata says of a tokenizer.

    Attributes:
        rules: llama.cpp's name for how a text is split into words.
        tokens: the text of each id, as the vocabulary spells it.
        types: `gguf.TokenType` of each id.
        merges: two tokens with a space between them, first merges first.
    """

    rules: str
    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]


def describe_tokenizer(tokenizer: Mapping[str, Any], vocabulary: int) -> GgufTokenizer:
    """The metadata of a tokenizer given as the content of its tokenizer.json.

    Args:
        vocabulary: rows of the model's embeddings; ids that the tokenizer does not use get names of their own.

    Raises:
        ExportError: when it is no byte-level BPE tokenizer, or splits texts by rules that llama.cpp has no name for.
    """
    from gguf import TokenType

    model = tokenizer["model"]
    normalizer = (tokenizer.get("normalizer") or {}).get("type")
    # llama.cpp normalises nothing; text that people type is in NFC already.
    if model.get("type") != "BPE" or model.get("byte_fallback") or normalizer not in (None, "NFC"):
        kind = "SentencePiece-like" if model.get("byte_fallback") else model.get("type")
        raise _refusal(f"is {kind} with normalizer {normalizer or 'none'}, and only byte-level BPE is known here")
    rules = find_rules(tokenizer.get("pre_tokenizer"))
    text_of = {int(place): text for text, place in model["vocab"].items()}
    added = {int(each["id"]): each for each in tokenizer.get("added_tokens") or []}
    text_of |= {place: str(each["content"]) for place, each in added.items()}
    if max(text_of) >= vocabulary:
        raise _refusal(f"has {max(text_of) + 1} ids, more than the {vocabulary} rows of the model's embeddings")

    def type_of(place: int) -> int:
        if place not in text_of:
            return int(TokenType.UNUSED)
        if place not in added:
            return int(TokenType.NORMAL)
        return int(TokenType.CONTROL if added[place].get("special") else TokenType.USER_DEFINED)

    return GgufTokenizer(
        rules=rules,
        tokens=tuple(text_of.get(place, f"[PAD{place}]") for place in range(vocabulary)),
        types=tuple(type_of(place) for place in range(vocabulary)),
        merges=tuple(merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]),
    )


def find_rules(pre_tokenizer: Mapping[str, Any] | None) -> str:
    """llama.cpp's name for the rules of a `pre_tokenizer` of a tokenizer.json.

    Raises:
        ExportError: when it has none, or none that is known here.
    """
    steps = _steps(pre_tokenizer)
    last = steps[-1] if steps else {}
    if last.get("type") == "ByteLevel" and not last.get("add_prefix_space"):
        before = tuple(_essence(step) for step in steps[:-1])
        for wanted, own_pattern, name in _RULES:
            if before == wanted and bool(last.get("use_regex", True)) == own_pattern:
                return name
    kinds = ", ".join(str(step.get("type")) for step in steps) or "nothing"
    raise _refusal(f"splits texts by rules that are not known here ({kinds})")


def _steps(pre_tokenizer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    if pre_tokenizer is None:
        return []
    if pre_tokenizer.get("type") == "Sequence":
        return list(pre_tokenizer["pretokenizers"])
    return [pre_tokenizer]


def _essence(step: Mapping[str, Any]) -> tuple[str, object]:
    """A step's kind and what it does: for Digits whether each stands alone, for an isolating Split its pattern."""
    if step.get("type") == "Digits":
        return "Digits", step.get("individual_digits")
    if step.get("type") == "Split" and step.get("behavior") == "Isolated" and not step.get("invert"):
        return "Split", step.get("pattern", {}).get("Regex")
    return str(step.get("type")), None


def _refusal(why: str) -> ExportError:
    return ExportError(
        f"The base's tokenizer {why}, so it cannot be written into a GGUF file: leave out gguf, and convert the merged "
        "form with llama.cpp's own tools."
    )
