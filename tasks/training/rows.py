"""Dataset rows in the form TRL trains on, with the rows that do not fit left out and counted.

TRL would cut an overlong row silently, and a cut answer teaches the model to stop mid-sentence.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.errors import DomainError
from tasks.records import Demonstration, Message, PreferencePair

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase


def demonstration_rows(
    tokenizer: "PreTrainedTokenizerBase", demonstrations: Sequence[Demonstration], max_length: int
) -> tuple["Dataset", int]:
    """TRL's conversational prompt-completion rows with their `length` in tokens, and how many were overlong."""
    rows = [
        {
            "prompt": _messages(row.prompt),
            "completion": [{"role": "assistant", "content": row.completion}],
            "length": _tokens(tokenizer, row.prompt, row.completion),
        }
        for row in demonstrations
    ]
    return _keep_fitting(rows, max_length)


def preference_rows(
    tokenizer: "PreTrainedTokenizerBase", pairs: Sequence[PreferencePair], max_length: int
) -> tuple["Dataset", int]:
    """TRL's conversational preference rows with the `length` of the longer side, and how many were overlong."""
    rows = [
        {
            "prompt": _messages(pair.prompt),
            "chosen": [{"role": "assistant", "content": pair.chosen}],
            "rejected": [{"role": "assistant", "content": pair.rejected}],
            "length": max(_tokens(tokenizer, pair.prompt, side) for side in (pair.chosen, pair.rejected)),
        }
        for pair in pairs
    ]
    return _keep_fitting(rows, max_length)


def _keep_fitting(rows: list[dict[str, Any]], max_length: int) -> tuple["Dataset", int]:
    from datasets import Dataset

    fitting = [row for row in rows if row["length"] <= max_length]
    if not fitting:
        shortest = min((row["length"] for row in rows), default=0)
        raise DomainError(
            f"All {len(rows)} rows are longer than train.max_length={max_length} tokens (the shortest has {shortest}): "
            "raise train.max_length, or shorten questions and answers."
        )
    return Dataset.from_list(fitting), len(rows) - len(fitting)


def _messages(prompt: Sequence[Message]) -> list[dict[str, str]]:
    return [message.model_dump() for message in prompt]


def _tokens(tokenizer: "PreTrainedTokenizerBase", prompt: Sequence[Message], completion: str) -> int:
    messages = [*_messages(prompt), {"role": "assistant", "content": completion}]
    return len(tokenizer.apply_chat_template(messages, return_dict=True)["input_ids"])
