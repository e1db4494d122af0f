"""Asking until there is a verdict: what was asked before, tries and waits, the budget, and when to give up.

A reply that is no verdict (not of the schema, or a refusal) is asked for again a few times, then the comparison is
skipped. Only replies that are verdicts are kept for later: another is paid for, but may be better the next time.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from tasks.errors import EndpointError, RatchetError
from tasks.files import sha256_of
from tasks.journal import Journal
from tasks.judging.budget import Hold, Purse, likely_tokens, most_tokens
from tasks.judging.prompts import TEMPERATURES, Call
from tasks.judging.verdicts import JudgeReply, json_schema, parse_reply
from tasks.llm.calling import Answer, ChatRequest, Tokens
from tasks.llm.endpoint import DeclinedError, Endpoint, UnansweredError, unreachable_error
from tasks.llm.trying import FAILURES_TO_STOP, FAILURES_TO_STOP_PROVEN, Patience, ask_patiently
from tasks.records import Record, Seconds

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SkipReason = Literal["unusable_reply", "refusal", "too_long", "request_refused", "no_answer", "budget"]


class KeptReply(Record):
    """A reply that is a verdict, as it is kept."""

    key: str
    content: str
    used: Tokens
    latency_s: Seconds


@dataclass(frozen=True)
class Reply:
    """A reply to a call, and whether it was paid for now."""

    call: Call
    kept: KeptReply
    parsed: JudgeReply
    paid: bool


class SkippedError(Exception):
    """There is no verdict on this comparison, for a reason that does not stop the others."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason: SkipReason = reason


def call_key(endpoint: Endpoint, call: Call, temperature: float) -> str:
    """The sha256 of all that decides the reply. Where the endpoint is, and whose key it is asked with, do not."""
    return sha256_of(
        {
            "model": endpoint.weights_sha256 or endpoint.model,
            "messages": [dict(message) for message in call.messages],
            "schema": json_schema(call.reply_type),
            "temperature": temperature,
            "max_tokens": endpoint.max_tokens,
        }
    )


@dataclass
class Asker:
    """Asks an endpoint during one run, for all comparisons at once.

    Attributes:
        patience: how long each call is tried; when it stops, no further call is begun.
        answered: calls that the endpoint answered, verdict or not.
        last_failure: what was wrong with the last call that it did not.
    """

    client: "AsyncOpenAI"
    endpoint: Endpoint
    patience: Patience
    replies: Journal
    purse: Purse
    answered: int = 0
    last_failure: RatchetError | None = None
    _known: dict[str, KeptReply] = field(default_factory=dict)
    _under_way: dict[str, "asyncio.Task[Reply]"] = field(default_factory=dict)
    _failures: int = 0

    def __post_init__(self) -> None:
        self._known = {entry["key"]: KeptReply.model_validate(entry) for entry in self.replies.entries}

    def find(self, call: Call) -> Reply | None:
        """The reply to this call that is kept, if one is."""
        for temperature in dict.fromkeys(TEMPERATURES):
            kept = self._known.get(call_key(self.endpoint, call, temperature))
            if kept is not None:
                return Reply(call, kept, parse_reply(kept.content, call.reply_type), paid=False)
        return None

    def bound(self, call: Call) -> Tokens:
        """The most tokens that the call can cost."""
        return most_tokens(_text(call), self.endpoint.max_tokens)

    async def ask(self, call: Call, hold: Hold) -> Reply:
        """The reply to a call: kept, or under way for another comparison, or asked for now.

        Args:
            hold: has the call's bound put aside, unless its reply is kept.

        Raises:
            SkippedError: when there is no verdict to be had.
            RatchetError: when there will be none for any call, or the disk is full.
        """
        found = self.find(call)
        if found is not None:
            return found
        key = call_key(self.endpoint, call, TEMPERATURES[0])
        running = self._under_way.get(key)
        if running is not None:
            return replace(await asyncio.shield(running), paid=False)
        running = asyncio.create_task(self._pay_for(call, hold))
        self._under_way[key] = running
        try:
            return await running
        finally:
            del self._under_way[key]

    async def _pay_for(self, call: Call, hold: Hold) -> Reply:
        bound = self.bound(call)
        reason: SkipReason = "unusable_reply"
        for number, temperature in enumerate(TEMPERATURES):
            if number and not self.purse.add(hold, bound):
                break
            answer = await self._answer(call, temperature, hold)
            used = answer.used or likely_tokens(_text(call), answer.content)
            reply = self._keep(call, temperature, answer, used)
            self.purse.pay(hold, bound, used, estimated=answer.used is None)
            if reply is not None:
                return reply
            reason = "refusal" if answer.refused else "unusable_reply"
        raise SkippedError(reason)

    def _keep(self, call: Call, temperature: float, answer: Answer, used: Tokens) -> Reply | None:
        """Keeps a reply that is a verdict; None for another."""
        if answer.refused:
            return None
        try:
            parsed = parse_reply(answer.content, call.reply_type)
        except ValueError:
            return None
        key = call_key(self.endpoint, call, temperature)
        kept = KeptReply(key=key, content=answer.content, used=used, latency_s=answer.latency_s)
        self.replies.append(kept.model_dump())
        self._known[key] = kept
        return Reply(call, kept, parsed, paid=True)

    async def _answer(self, call: Call, temperature: float, hold: Hold) -> Answer:
        """What the model says, tried until it says something or there is no try left."""
        request = ChatRequest(call.messages, json_schema(call.reply_type))
        try:
            answer = await ask_patiently(
                self.client,
                self.endpoint,
                request,
                temperature,
                self.patience,
                on_lost=lambda: self._pay_for_nothing(call, hold),
            )
        except DeclinedError as error:
            raise self._declined(error) from error
        except UnansweredError as failure:
            most = FAILURES_TO_STOP_PROVEN if self._known else FAILURES_TO_STOP
            self._failed(unreachable_error(self.endpoint, str(failure)), 1 if failure.unreachable else most)
            raise SkippedError("no_answer") from failure
        if answer is None:
            raise SkippedError("no_answer")
        self.answered += 1
        self._failures = 0
        return answer

    def _pay_for_nothing(self, call: Call, hold: Hold) -> None:
        """A call that was lost on the way counts as paid: many endpoints charge for it, and none can say so."""
        prompt = likely_tokens(_text(call), "").prompt
        used = Tokens(prompt=prompt, completion=self.endpoint.max_tokens)
        self.purse.pay(hold, self.bound(call), used, estimated=True)
        if not self.purse.add(hold, self.bound(call)):
            raise SkippedError("no_answer")

    def _declined(self, error: DeclinedError) -> SkippedError:
        if error.reason == "request_refused":
            sentence = (
                f"{self.endpoint.named} refuses what it is asked ({error}): see that it takes "
                "chat completions with a JSON schema, or name another model."
            )
            # One that took such calls before has something against this one.
            self._failed(EndpointError(sentence), most=None if self._known else FAILURES_TO_STOP)
        return SkippedError(error.reason)

    def _failed(self, error: RatchetError, most: int | None) -> None:
        """Stops everything when the endpoint is broken, rather than this call: after `most` failures in a row."""
        self._failures += 1
        self.last_failure = error
        if most is not None and self._failures >= most:
            raise error


def _text(call: Call) -> str:
    return "".join(message["content"] for message in call.messages)
