"""A tokenizer.json becomes GGUF metadata, or is refused in a sentence that says what it is."""

from typing import Any

import pytest
from gguf import TokenType

from tasks.errors import ExportError
from tasks.exporting.gguf_tokenizer import describe_tokenizer, find_rules

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
NO_PATTERN = {**BYTES, "use_regex": False}
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(pattern: str, **changes: Any) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False, **changes}


def sequence(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Sequence", "pretokenizers": list(steps)}


def tokenizer(**changes: Any) -> dict[str, Any]:
    return {
        "normalizer": None,
        "pre_tokenizer": BYTES,
        "added_tokens": [
            {"id": 3, "content": "<|end|>", "special": True},
            {"id": 4, "content": "<note>", "special": False},
        ],
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]], "byte_fallback": False},
        **changes,
    }


def test_tokens_types_and_merges_stand_by_id_and_unused_rows_get_names_of_their_own() -> None:
    described = describe_tokenizer(tokenizer(), 6)
    assert described.tokens == ("a", "b", "ab", "<|end|>", "<note>", "[PAD5]")
    assert [TokenType(kind).name for kind in described.types] == [
        *("NORMAL", "NORMAL", "NORMAL"),
        *("CONTROL", "USER_DEFINED", "UNUSED"),
    ]
    assert described.merges == ("a b",)
    assert described.rules == "gpt-2"


def test_merges_may_be_written_as_text() -> None:
    model = {**tokenizer()["model"], "merges": ["a b"]}
    assert describe_tokenizer(tokenizer(model=model), 5).merges == ("a b",)


@pytest.mark.parametrize(
    ("pre_tokenizer", "name"),
    [
        (BYTES, "gpt-2"),
        (sequence(BYTES), "gpt-2"),
        (sequence({"type": "Digits", "individual_digits": True}, BYTES), "smollm"),
        (sequence(split(LLAMA_3), NO_PATTERN), "llama-bpe"),
        (sequence(split(LLAMA_3.replace("{1,3}", "")), NO_PATTERN), "qwen2"),
    ],
)
def test_rules_are_known_by_what_they_do(pre_tokenizer: dict[str, Any], name: str) -> None:
    assert find_rules(pre_tokenizer) == name


@pytest.mark.parametrize(
    ("pre_tokenizer", "kinds"),
    [
        (None, "nothing"),
        ({"type": "Whitespace"}, "Whitespace"),
        (NO_PATTERN, "ByteLevel"),
        ({**BYTES, "add_prefix_space": True}, "ByteLevel"),
        (sequence({"type": "Digits", "individual_digits": False}, BYTES), "Digits, ByteLevel"),
        (sequence(split(r"\w+"), NO_PATTERN), "Split, ByteLevel"),
        (sequence(split(LLAMA_3, behavior="Removed"), NO_PATTERN), "Split, ByteLevel"),
        (sequence(split(LLAMA_3), BYTES), "Split, ByteLevel"),
    ],
)
def test_rules_that_are_almost_known_are_refused(pre_tokenizer: dict[str, Any] | None, kinds: str) -> None:
    with pytest.raises(ExportError) as caught:
        find_rules(pre_tokenizer)
    assert str(caught.value) == (
        f"The base's tokenizer splits texts by rules that are not known here ({kinds}), so it cannot be written into a "
        "GGUF file: leave out gguf, and convert the merged form with llama.cpp's own tools."
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": {"type": "Unigram"}}, "is Unigram with normalizer none, and only byte-level BPE is known here"),
        (
            {"model": {"type": "BPE", "byte_fallback": True}},
            "is SentencePiece-like with normalizer none, and only byte-level BPE is known here",
        ),
        (
            {"normalizer": {"type": "Lowercase"}},
            "is BPE with normalizer Lowercase, and only byte-level BPE is known here",
        ),
    ],
)
def test_other_kinds_of_tokenizers_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ExportError, match=f"The base's tokenizer {why}, so it"):
        describe_tokenizer(tokenizer(**changes), 5)


def test_ids_beyond_the_embeddings_are_refused() -> None:
    with pytest.raises(ExportError, match="has 5 ids, more than the 4 rows of the model's embeddings"):
        describe_tokenizer(tokenizer(), 4)
