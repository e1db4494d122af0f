"""Answers decoded together, each by its own wishes: as `generate` decodes them, but told token by token.

A row depends on its own prompt, decoding and seed only. It leaves the batch's attention when it has ended, and the
batch ends with its longest row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from tasks.models.generation import Decoding, end_tokens, generate_tokens
from tasks.models.sampling import GumbelTopK

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Row:
    """One answer to be decoded.

    Attributes:
        prompt: its token ids, chat template included.
        top_p: of the likeliest tokens those are drawn from that together have this probability; 1: all.
        take: is given each token, and whether the answer ends by it; says whether it is to go on.
    """

    prompt: Sequence[int]
    max_tokens: int
    decoding: Decoding
    top_p: float
    take: Callable[[int, bool], bool]


def decode_rows(model: Any, tokenizer: "PreTrainedTokenizerBase", rows: Sequence[Row]) -> None:
    """Gives each row its tokens as they come; returns when all have ended.

    Args:
        rows: (batch,), at least one.
    """
    telling = StoppingCriteriaList([_TellTokens(rows, end_tokens(model, tokenizer))])
    prompts, most = [row.prompt for row in rows], max(row.max_tokens for row in rows)
    generate_tokens(model, tokenizer, prompts, most, _samplers(rows), telling)


def _samplers(rows: Sequence[Row]) -> LogitsProcessorList:
    sampled = {place: row for place, row in enumerate(rows) if row.decoding.temperature > 0}
    return LogitsProcessorList([_DrawPerRow(sampled)] if sampled else [])


class _DrawPerRow(LogitsProcessor):  # type: ignore[misc]  # transformers is Any to mypy
    """Leaves one token in each row that is drawn, and all in those that are greedy."""

    def __init__(self, rows: "dict[int, Row]") -> None:
        self._rows = rows
        self._draw = {
            place: GumbelTopK(row.decoding.temperature, row.decoding.top_k, [row.decoding.seed])
            for place, row in rows.items()
        }

    def __call__(self, input_ids: "torch.Tensor", scores: "torch.Tensor") -> "torch.Tensor":
        """Scores (batch, vocabulary)."""
        drawn = scores.clone()
        for place, row in self._rows.items():
            one = scores[place : place + 1]
            allowed = one if row.top_p == 1.0 else _within_top_p(one, row.decoding, row.top_p)
            drawn[place] = self._draw[place](input_ids[place : place + 1], allowed)[0]
        return drawn


def _within_top_p(scores: "torch.Tensor", decoding: Decoding, top_p: float) -> "torch.Tensor":
    """Scores (1, vocabulary) with -inf for all but the fewest of the top k that have `top_p` of their probability."""
    import torch

    likeliest, tokens = scores.float().topk(min(decoding.top_k, scores.shape[-1]), dim=-1)
    shares = torch.softmax(likeliest / decoding.temperature, dim=-1)
    before = shares.cumsum(dim=-1) - shares
    return torch.full_like(scores, -torch.inf).scatter(
        -1, tokens, likeliest.masked_fill(before >= top_p, -torch.inf).to(scores.dtype)
    )


class _TellTokens(StoppingCriteria):  # type: ignore[misc]  # transformers is Any to mypy
    """Hands each row its newest token, and ends the rows that have ended."""

    def __init__(self, rows: Sequence[Row], ends: Sequence[int]) -> None:
        self._rows = rows
        self._ends = ends
        self._lengths = [0] * len(rows)
        self._done = [False] * len(rows)

    def __call__(self, input_ids: "torch.Tensor", scores: Any, **options: Any) -> "torch.Tensor":
        """Which rows have ended, (batch,); `input_ids` is (batch, seq)."""
        import torch

        for place, token in enumerate(input_ids[:, -1].tolist()):
            if self._done[place]:
                continue
            row = self._rows[place]
            self._lengths[place] += 1
            goes_on = row.take(token, token in self._ends)
            self._done[place] = not goes_on or token in self._ends or self._lengths[place] >= row.max_tokens
        return torch.tensor(self._done, dtype=torch.bool, device=input_ids.device)
