"""An LLM judge: its verdicts on comparisons, as many as its budget and its endpoint allow.

Comparisons are taken in the order they are given, and each is judged by both of its calls or by none. What is kept
from earlier runs costs nothing and counts for no budget. An endpoint that will not judge at all (a key refused, an
unknown model, a wrong certificate, nobody there) ends the run with one sentence; all that was answered until then is
kept, and the next run asks for the rest.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from pydantic import Field

from tasks.errors import RatchetError
from tasks.files import sha256_of, sha256_of_file
from tasks.home import Home
from tasks.journal import Journal, open_journal
from tasks.judging.asking import Asker, Reply, SkippedError, SkipReason
from tasks.judging.budget import Hold, Limits, Purse, Spend, open_purse
from tasks.judging.judges import Verdict
from tasks.judging.prompts import Call, judge_version, write_calls
from tasks.judging.verdicts import PairwiseReply, RubricReply, compare_orders, compare_scores
from tasks.llm.api_key import ApiKey, find_api_key
from tasks.llm.calling import Tokens, connect
from tasks.llm.endpoint import Endpoint
from tasks.llm.local_server import find_gguf
from tasks.llm.trying import FIRST_WAIT_S, Patience
from tasks.progress import listed, say, track
from tasks.records import Comparison, Record
from tasks.records.base import Count
from tasks.settings.judging import JudgeSettings

REPLIES_FOLDER = "judgements"  # below RATCHET_HOME
HEARD_OUT_S = 5.0  # for calls under way when the run ends early
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)


@dataclass(frozen=True)
class LlmJudge:
    """A model behind an OpenAI-compatible endpoint, with its instructions.

    Attributes:
        url: where it is asked; of `embedded` settings the address of the running server.
        replies: the folder of the replies that are kept, of all judges and rounds.
        first_wait_s: the wait after a first failed try.
        weights_sha256: of the GGUF file of an `embedded` judge; None of an endpoint, which tells no more than a name.
    """

    settings: JudgeSettings
    url: str
    key: ApiKey
    replies: Path
    first_wait_s: float = FIRST_WAIT_S
    weights_sha256: str | None = None

    @property
    def version(self) -> str:
        """12 hex digits for the model and all that it is told; another version is another judge."""
        return judge_version(self.settings, self.weights_sha256)

    @property
    def name(self) -> str:
        """`<name>@<version>`, as its feedback's source has it after `judge:`."""
        return f"{self.settings.name}@{self.version}"


@dataclass(frozen=True)
class Judged:
    """A comparison with its verdict, and the two replies that make it."""

    comparison: Comparison
    verdict: Verdict
    replies: tuple[Reply, Reply]

    @property
    def paid(self) -> bool:
        """Whether a reply was paid for now."""
        return any(reply.paid for reply in self.replies)


class JudgingCounts(Record):
    """What became of the comparisons that a judge was given."""

    judged: Count = Field(description="comparisons with a verdict")
    kept: Count = Field(description="of these, those whose replies were all kept from before, at no cost")
    skipped: dict[str, Count] = Field(description="comparisons without a verdict, by reason; every reason is there")
    damaged: Count = Field(description="kept replies that were torn or altered, and so asked for again")
    spent: Spend = Field(description="what the stage has spent on this judge, before a restart and since")


@dataclass(frozen=True)
class JudgedComparisons:
    """A judge's verdicts, in the order of the comparisons; None where it has none."""

    verdicts: tuple[Verdict | None, ...]
    counts: JudgingCounts


def open_judge(settings: JudgeSettings, home: Home, embedded_url: str | None = None) -> LlmJudge:
    """The judge of these settings, with its API key; the file of an embedded one is read, at about 1 GB/s.

    Args:
        embedded_url: the address of the running local server; needed where the url is `embedded`, ignored elsewhere.

    Raises:
        ConfigError: when its key cannot be read, or there is no such file.
        ModelError: when that is no GGUF file, or the embedded model's wheel is not installed.
        ValueError: when the url is `embedded` and no address is given.
    """
    is_embedded = settings.url == "embedded"
    url = embedded_url if is_embedded else settings.url
    if url is None:
        raise ValueError(f"Judge {settings.name!r} is embedded: start its server, and pass the address.")
    # Not kept from run to run: it takes a fraction of the time that loading the file does.
    weights = sha256_of_file(find_gguf(settings.model)) if is_embedded else None
    key = ApiKey() if is_embedded else find_api_key(settings, f"judges: {settings.name}")
    return LlmJudge(settings, url, key, home.root / REPLIES_FOLDER, weights_sha256=weights)


def judge_comparisons(
    judge: LlmJudge,
    comparisons: Sequence[Comparison],
    spend_note: Path,
    limits: Limits,
    on_judged: Callable[[Judged], None] | None = None,
) -> JudgedComparisons:
    """The judge's verdicts, as far as the limits reach.

    Args:
        comparisons: each pair of candidates once; the most wanted first, for the budget may end.
        spend_note: a file of the stage's own, and of this judge; it holds what the stage has spent on it.
        limits: what the stage may spend on it.
        on_judged: is given each comparison that was paid for now, as soon as it has its verdict.

    Raises:
        EndpointError: when the endpoint refuses to judge: the key, the model, the certificate, the form of the call.
        UnreachableError: when it does not answer, and will not by being asked again soon.
        HomeError: when replies or the note cannot be written.
    """
    verdicts: list[Verdict | None] = [None] * len(comparisons)
    kinds: Counter[str] = Counter()
    path = judge.replies / f"{judge.version}.journal"
    # What the budget will not reach is no work to come.
    within_budget = len(comparisons) if limits.comparisons is None else min(limits.comparisons, len(comparisons))
    with (
        open_journal(path) as replies,
        open_purse(spend_note, limits, judge.settings.price) as purse,
        track(f"judge {judge.name}", within_budget) as advance,
    ):

        def finish(place: int, outcome: Judged | SkipReason) -> None:
            if outcome != "budget":
                advance(1)
            if not isinstance(outcome, Judged):
                kinds[outcome] += 1
                return
            verdicts[place] = outcome.verdict
            kinds["paid" if outcome.paid else "kept"] += 1
            if outcome.paid and on_judged is not None:
                on_judged(outcome)

        asyncio.run(_judge_all(judge, comparisons, replies, purse, finish))
        counts = JudgingCounts(
            judged=kinds["paid"] + kinds["kept"],
            kept=kinds["kept"],
            skipped={reason: kinds[reason] for reason in SKIP_REASONS},
            damaged=replies.damaged,
            spent=purse.spent,
        )
    _say(judge, counts)
    return JudgedComparisons(tuple(verdicts), counts)


@dataclass
class _Run:
    """The comparisons of one run, some of them under way at once."""

    judge: LlmJudge
    asker: Asker
    purse: Purse
    finish: Callable[[int, Judged | SkipReason], None]
    verdicts: int = 0
    under_way: set["asyncio.Task[None]"] = field(default_factory=set)

    async def judge_all(self, comparisons: Sequence[Comparison]) -> None:
        try:
            await self._judge_each(comparisons)
        except RatchetError:
            # What is under way is being paid for: it is heard out, if it is not long in coming.
            self.asker.patience.stopping.set()
            if self.under_way:
                await asyncio.wait(self.under_way, timeout=HEARD_OUT_S)
            raise
        finally:
            for task in self.under_way:
                task.cancel()
            await asyncio.gather(*self.under_way, return_exceptions=True)
        if not self.verdicts and self.asker.last_failure is not None:
            raise self.asker.last_failure

    async def _judge_each(self, comparisons: Sequence[Comparison]) -> None:
        affordable = True
        for place, comparison in enumerate(comparisons):
            calls = write_calls(self.judge.settings, comparison)
            first, second = self.asker.find(calls[0]), self.asker.find(calls[1])
            if first is not None and second is not None:
                self._conclude(place, comparison, (first, second))
                continue
            # Once the budget is out, what is kept still counts, and nothing else is begun, however cheap.
            kept = (first, second)
            missing = [self.asker.bound(call) for call, reply in zip(calls, kept, strict=True) if reply is None]
            hold = await self._put_aside(comparison, missing) if affordable else None
            if hold is None:
                affordable = False
                self.finish(place, "budget")
                continue
            self.under_way.add(asyncio.create_task(self._judge_one(place, comparison, calls, hold)))
            if len(self.under_way) >= self.judge.settings.concurrency:
                await self._wait_for_one()
        while self.under_way:
            await self._wait_for_one()

    async def _put_aside(self, comparison: Comparison, bounds: Sequence[Tokens]) -> Hold | None:
        """The most that the calls can cost, put aside; None when it is not left even after those under way are paid."""
        named = sha256_of([comparison.question.id, *sorted((comparison.a.id, comparison.b.id))])
        while (hold := self.purse.put_aside(named, bounds)) is None and self.under_way:
            await self._wait_for_one()
        return hold

    async def _wait_for_one(self) -> None:
        done, self.under_way = await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
        # All are looked at, so that none of them is said to have failed unseen.
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error

    async def _judge_one(self, place: int, comparison: Comparison, calls: tuple[Call, Call], hold: Hold) -> None:
        try:
            # One after the other: where the first brings no verdict, the second would be paid for in vain.
            replies = await self.asker.ask(calls[0], hold), await self.asker.ask(calls[1], hold)
        except SkippedError as skipped:
            self.finish(place, skipped.reason)
        else:
            self._conclude(place, comparison, replies)
        finally:
            self.purse.release(hold)

    def _conclude(self, place: int, comparison: Comparison, replies: tuple[Reply, Reply]) -> None:
        self.verdicts += 1
        self.finish(place, Judged(comparison, _verdict(*replies), replies))


async def _judge_all(
    judge: LlmJudge,
    comparisons: Sequence[Comparison],
    replies: Journal,
    purse: Purse,
    finish: Callable[[int, Judged | SkipReason], None],
) -> None:
    settings = judge.settings
    endpoint = Endpoint(
        "judge", judge.url, settings.model, judge.key, settings.timeout_s, settings.max_tokens, judge.weights_sha256
    )
    async with connect(endpoint) as client:
        asker = Asker(client, endpoint, Patience(settings.retries, judge.first_wait_s), replies, purse)
        await _Run(judge, asker, purse, finish).judge_all(comparisons)


def _verdict(first: Reply, second: Reply) -> Verdict:
    if isinstance(first.parsed, PairwiseReply) and isinstance(second.parsed, PairwiseReply):
        return compare_orders(first.parsed, second.parsed)
    if isinstance(first.parsed, RubricReply) and isinstance(second.parsed, RubricReply):
        return compare_scores(first.parsed, second.parsed)
    raise TypeError("two replies of different methods make no verdict")


def _say(judge: LlmJudge, counts: JudgingCounts) -> None:
    spent, skipped = counts.spent, listed(counts.skipped)
    estimated = f" ({spent.estimated_calls} calls estimated: their tokens were not reported)" * bool(
        spent.estimated_calls
    )
    say(
        f"judge {judge.name}: {counts.judged} judged, {counts.kept} of them from kept replies"
        f"{f'; skipped: {skipped}' if skipped else ''}; so far {spent.calls} calls, "
        f"{spent.prompt_tokens + spent.completion_tokens} tokens, {spent.cost_usd:.4f} US dollars{estimated}"
    )
    if counts.skipped["budget"]:
        say(
            f"judge {judge.name}: {counts.skipped['budget']} comparisons are beyond its budget for this stage, which "
            "must hold the most that a comparison can cost before it is begun; raise it to have them judged"
        )
    if counts.damaged:
        say(f"judge {judge.name}: {counts.damaged} kept replies were damaged, and asked for again")
