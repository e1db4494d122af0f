"""What a judge may spend in a stage of a round, what it has spent, and what is put aside for calls under way.

A call is begun only when its greatest possible cost is left: the bytes of its prompt, since no token is less than a
byte, and `max_tokens`. That much is put aside, and when the reply is there its reported usage takes its place. The
note of what was spent is a journal of the stage, so that a restart goes on where the round stopped.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from tasks.journal import Journal, open_journal
from tasks.llm.calling import Tokens
from tasks.records import Count, Record
from tasks.settings.judging import Amount, JudgeBudget, JudgePrice

# Tokens that a chat template adds to a call, at most.
_TEMPLATE_TOKENS = 64
_BYTES_PER_TOKEN = 3  # of an estimate; English has about four, Chinese about three

# The stages of a round that ask judges.
JudgingStage = Literal["collect", "evaluate"]

MILLION = 1_000_000
_ROUNDING_USD = 1e-9


class Spend(Record):
    """What a judge spent in one stage of a round."""

    calls: Count = Field(default=0, description="calls paid for, those that brought no verdict among them")
    comparisons: Count = Field(default=0, description="comparisons with a call that was paid for")
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    cost_usd: Amount = Field(default=0.0, description="US dollars at the judge's price")
    estimated_calls: Count = Field(default=0, description="calls whose tokens are estimated: none were reported")


class Limits(Record):
    """What a judge may spend in one stage of a round; None: no limit."""

    comparisons: Count | None = Field(default=None, description="comparisons with a call that is paid for")
    tokens: Count | None = Field(default=None, description="tokens of prompts and completions")
    cost_usd: Amount | None = Field(default=None, description="US dollars")


def limits_of(budget: JudgeBudget, stage: JudgingStage) -> Limits:
    """What the judge may spend in this stage: `test_share` of its budget in evaluate, the rest in collect.

    The two together are the whole budget, and what has no limit has none in either. A share of 0, or of 1, leaves the
    one stage or the other without any comparison, even where there is no limit.
    """
    own = budget.test_share if stage == "evaluate" else 1.0 - budget.test_share
    comparisons = _part(budget.comparisons, budget.test_share, stage)
    return Limits(
        comparisons=comparisons if own else 0,
        tokens=_part(budget.tokens, budget.test_share, stage),
        cost_usd=None if budget.cost_usd is None else budget.cost_usd * own,
    )


def _part(limit: int | None, test_share: float, stage: JudgingStage) -> int | None:
    """The stage's part of a whole number; the two parts add up to it."""
    if limit is None:
        return None
    for_tests = round(limit * test_share)
    return for_tests if stage == "evaluate" else limit - for_tests


def most_tokens(prompt: str, max_tokens: int) -> Tokens:
    """The most that a call can use: no token is shorter than a byte."""
    return Tokens(prompt=len(prompt.encode("utf-8", "replace")) + _TEMPLATE_TOKENS, completion=max_tokens)


def likely_tokens(prompt: str, completion: str) -> Tokens:
    """An estimate for an endpoint that does not report usage."""
    return Tokens(prompt=_likely(prompt), completion=_likely(completion))


def _likely(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


class Payment(Record):
    """What one call of a comparison cost."""

    comparison: str
    used: Tokens
    estimated: bool = False


@dataclass
class Hold:
    """What is put aside for one comparison: the most that each of its calls can cost which is not paid yet."""

    comparison: str
    bounds: list[Tokens]


@dataclass
class Purse:
    """What one judge may spend in one stage of a round; `open_purse` opens it."""

    limits: Limits
    price: JudgePrice
    _note: Journal
    _spent: Spend
    _comparisons: set[str]
    _holds: list[Hold] = field(default_factory=list)

    @property
    def spent(self) -> Spend:
        """What the round has spent, before a restart and since."""
        return self._spent

    def put_aside(self, comparison: str, bounds: Sequence[Tokens]) -> Hold | None:
        """Puts aside the most that the calls of a comparison can cost; None, and nothing is, when it is not left."""
        hold = Hold(comparison, list(bounds))
        if not self._has_room([*self._holds, hold]):
            return None
        self._holds.append(hold)
        return hold

    def add(self, hold: Hold, bound: Tokens) -> bool:
        """Puts aside the most that one more call can cost; False, and nothing is, when it is not left."""
        if not self._has_room([*self._holds, Hold(hold.comparison, [bound])]):
            return False
        hold.bounds.append(bound)
        return True

    def release(self, hold: Hold) -> None:
        """Gives back what is still put aside for a comparison that is done with."""
        self._holds = [other for other in self._holds if other is not hold]

    def pay(self, hold: Hold, bound: Tokens, used: Tokens, *, estimated: bool) -> None:
        """Notes what a call cost in place of what was put aside for it.

        Raises:
            HomeError: when the note cannot be written.
        """
        hold.bounds.remove(bound)
        payment = Payment(comparison=hold.comparison, used=used, estimated=estimated)
        self._note.append(payment.model_dump())
        self._comparisons.add(hold.comparison)
        self._spent = _added(self._spent, [payment], len(self._comparisons), self.price)

    def _has_room(self, holds: Sequence[Hold]) -> bool:
        wanted = [Payment(comparison=hold.comparison, used=bound) for hold in holds for bound in hold.bounds]
        comparisons = self._comparisons | {payment.comparison for payment in wanted}
        most = _added(self._spent, wanted, len(comparisons), self.price)
        limits = self.limits
        return (
            (limits.comparisons is None or most.comparisons <= limits.comparisons)
            and (limits.tokens is None or most.prompt_tokens + most.completion_tokens <= limits.tokens)
            and (limits.cost_usd is None or most.cost_usd <= limits.cost_usd + _ROUNDING_USD)
        )


@contextmanager
def open_purse(note: Path, limits: Limits, price: JudgePrice) -> Iterator[Purse]:
    """The limits less what the note says was spent already; what is spent now is added to the note.

    Raises:
        HomeError: when the note cannot be read or written.
    """
    with open_journal(note) as journal:
        payments = [Payment.model_validate(entry) for entry in journal.entries]
        comparisons = {payment.comparison for payment in payments}
        yield Purse(limits, price, journal, _added(Spend(), payments, len(comparisons), price), comparisons)


def _added(spend: Spend, payments: Sequence[Payment], comparisons: int, price: JudgePrice) -> Spend:
    prompt = spend.prompt_tokens + sum(payment.used.prompt for payment in payments)
    completion = spend.completion_tokens + sum(payment.used.completion for payment in payments)
    return Spend(
        calls=spend.calls + len(payments),
        comparisons=comparisons,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=(prompt * price.prompt + completion * price.completion) / MILLION,
        estimated_calls=spend.estimated_calls + sum(payment.estimated for payment in payments),
    )
