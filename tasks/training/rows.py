"""Dataset rows in the form TRL trains on, with the rows that do not fit left out and counted.

TRL would cut an overlong row silently, and a cut answer teaches the model to stop mid-sentence.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tasks.config import Config
from tasks.errors import DomainError
from tasks.files import sha256_of
from tasks.home import Home
from tasks.records import Demonstration, Message, PreferencePair, RatedAnswer, Snapshot
from tasks.snapshots import read_demonstrations, read_preference_pairs, read_rated_answers

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

AnyRow: TypeAlias = Demonstration | PreferencePair | RatedAnswer


@dataclass(frozen=True)
class TrainingRows:
    """The rows of a snapshot in the form in which the phases take them.

    Attributes:
        pairs: for DPO; empty when `train.preference` is kto.
        answers: for KTO; empty when it is dpo.
        contradictory: answers found good in one place and bad in another, which KTO does not get.
    """

    demonstrations: list[Demonstration]
    pairs: list[PreferencePair]
    answers: list[RatedAnswer]
    contradictory: int

    def all(self) -> list[AnyRow]:
        """All rows, of whatever kind."""
        return [*self.demonstrations, *self.pairs, *self.answers]


def read_training_rows(config: Config, home: Home, snapshot: Snapshot) -> TrainingRows:
    """The snapshot's rows for SFT and for whichever phase `train.preference` names.

    Raises:
        IntegrityError: when the snapshot was altered.
    """
    demonstrations = read_demonstrations(home.snapshots, snapshot)
    pairs = read_preference_pairs(home.snapshots, snapshot)
    if config.train.preference == "dpo":
        return TrainingRows(demonstrations, pairs, [], 0)
    answers, contradictory = single_answers(read_rated_answers(home.snapshots, snapshot), pairs)
    return TrainingRows(demonstrations, [], answers, contradictory)


def demonstration_rows(
    tokenizer: "PreTrainedTokenizerBase", demonstrations: Sequence[Demonstration], max_length: int
) -> tuple["Dataset", int]:
    """TRL's conversational prompt-completion rows with their `length` in tokens, and how many were overlong."""
    rows = [
        {
            "prompt": _messages(row.prompt),
            "completion": [{"role": "assistant", "content": row.completion}],
            "length": count_tokens(tokenizer, row),
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
            "length": count_tokens(tokenizer, pair),
        }
        for pair in pairs
    ]
    return _keep_fitting(rows, max_length)


def rated_rows(
    tokenizer: "PreTrainedTokenizerBase", answers: Sequence[RatedAnswer], max_length: int
) -> tuple["Dataset", int]:
    """TRL's conversational rows with a `label` (True: good) and their `length`, and how many were overlong."""
    rows = [
        {
            "prompt": _messages(answer.prompt),
            "completion": [{"role": "assistant", "content": answer.completion}],
            "label": answer.desirable,
            "length": count_tokens(tokenizer, answer),
        }
        for answer in answers
    ]
    return _keep_fitting(rows, max_length)


def single_answers(rated: Sequence[RatedAnswer], pairs: Sequence[PreferencePair]) -> tuple[list[RatedAnswer], int]:
    """The rated answers and both sides of every pair, each answer to a prompt once, and how many were left out.

    Left out are those found good in one place and bad in another, as an answer is that won one comparison and lost
    another: nothing says which of the two it is.
    """
    found: dict[tuple[tuple[Message, ...], str], list[RatedAnswer]] = defaultdict(list)
    for answer in (*rated, *(side for pair in pairs for side in _sides(pair))):
        found[answer.prompt, answer.completion].append(answer)
    clear = [same for same in found.values() if len({answer.desirable for answer in same}) == 1]
    return [same[0] for same in clear], len(found) - len(clear)


def count_tokens(tokenizer: "PreTrainedTokenizerBase", row: AnyRow) -> int:
    """The length of prompt and completion in tokens, chat template included; of a pair that of its longer side."""
    sides = (row.chosen, row.rejected) if isinstance(row, PreferencePair) else (row.completion,)
    return max(_tokens(tokenizer, row.prompt, side) for side in sides)


def _sides(pair: PreferencePair) -> Iterator[RatedAnswer]:
    fields = pair.model_dump(include={"question_id", "family", "prompt", "source", "feedback"})
    for desirable, completion in ((True, pair.chosen), (False, pair.rejected)):
        identity = sha256_of({"pair": pair.id, "desirable": desirable})
        yield RatedAnswer(id=identity, completion=completion, desirable=desirable, **fields)


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
