"""Whatever an endpoint does, the round goes on or ends with one sentence, and what was paid for is kept."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from example_judging import judge_all
from example_records import comparison, question
from scripted_endpoint import (
    KEY,
    Fault,
    Handler,
    ScriptedEndpoint,
    cut_in_body,
    drip,
    hang,
    raw,
    reply,
    reset,
    serve,
    status,
)

from tasks.errors import EndpointError, RatchetError, UnreachableError
from tasks.judging.llm_judge import LlmJudge
from tasks.records import Comparison

MakeJudge = Callable[..., LlmJudge]

MALFORMED = reply("I prefer the first one.")
CUT_SHORT = reply('{"reason": "because it', finish_reason="length")
OTHER_SCHEMA = reply('{"winner": "first"}')
NO_CHOICES = reply(choices=[])
SAID_NOTHING = reply(choices=[{"index": 0, "message": {"role": "assistant", "content": None}}])
REFUSAL = reply(refusal="I cannot help with that.")
FILTERED = reply("", finish_reason="content_filter")
TOO_LONG = status(400, "the request exceeds the available context size", "exceed_context_size_error")
POLICY = status(400, "The response was filtered", "content_filter")
UNKNOWN_FIELD = status(422, "response_format: unknown field")
BUSY = status(429, "slow down", "rate_limit_exceeded", retry_after="0")
BROKEN = status(500, "out of memory")


def slowly(handler: Handler) -> None:
    """The model's reply, after a while."""
    time.sleep(0.4)
    reply()(handler)


def patience_s(fault: Fault) -> float:
    """A timeout that is short where it is to be met, and long where a busy machine must not meet it."""
    return 1.0 if fault in (hang, drip) else 20.0


@pytest.mark.parametrize(
    ("fault", "paid"),
    [
        (MALFORMED, 1),
        (CUT_SHORT, 1),
        (OTHER_SCHEMA, 1),
        (NO_CHOICES, 1),
        (SAID_NOTHING, 1),
        (REFUSAL, 1),
        (BUSY, 0),
        (BROKEN, 0),
        (status(503, "loading model"), 0),
        (status(408), 0),
        (raw(b"<html>gateway</html>"), 1),
        (raw(b'{"error": {"message": "upstream"}}'), 1),
        (raw(b""), 1),
        (cut_in_body, 1),
        (reset, 1),
        (hang, 1),
        (drip, 1),
    ],
)
def test_one_fault_is_asked_again_and_all_are_judged(
    fault: Fault, paid: int, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[None, fault])) as endpoint:
        judged = judge_all(make_judge(endpoint, timeout_s=patience_s(fault)), comparisons, note)
    assert judged.counts.judged == 6
    assert len(endpoint.asked) == 13
    assert judged.counts.spent.calls == 12 + paid


@pytest.mark.parametrize(
    ("fault", "reason", "calls"),
    [
        (MALFORMED, "unusable_reply", 3),
        (CUT_SHORT, "unusable_reply", 3),
        (OTHER_SCHEMA, "unusable_reply", 3),
        (NO_CHOICES, "unusable_reply", 3),
        (SAID_NOTHING, "unusable_reply", 3),
        (REFUSAL, "refusal", 3),
        (FILTERED, "refusal", 3),
        (TOO_LONG, "too_long", 1),
        (status(413, "payload too large"), "too_long", 1),
        (POLICY, "refusal", 1),
        (UNKNOWN_FIELD, "request_refused", 1),
        (BUSY, "no_answer", 3),
        (BROKEN, "no_answer", 3),
        (cut_in_body, "no_answer", 3),
        (hang, "no_answer", 3),
        (raw(b"[]"), "no_answer", 3),
    ],
)
def test_a_comparison_that_cannot_be_judged_is_skipped_and_counted_and_the_others_are_judged(
    fault: Fault,
    reason: str,
    calls: int,
    make_judge: MakeJudge,
    comparisons: list[Comparison],
    note: Path,
) -> None:
    faults = [None, None, *[fault] * calls]
    with serve(ScriptedEndpoint(faults=faults)) as endpoint:
        judge = make_judge(endpoint, concurrency=1, timeout_s=patience_s(fault))
        judged = judge_all(judge, comparisons, note)
        assert judged.counts.skipped == {**dict.fromkeys(judged.counts.skipped, 0), reason: 1}
        assert [verdict is None for verdict in judged.verdicts] == [False, True, False, False, False, False]
        # Its other order was not asked for in vain, and the next run asks for nothing but what is missing.
        assert len(endpoint.asked) == 2 + calls + 8
        again = judge_all(judge, comparisons, note)
    assert again.counts.judged == 6 and len(endpoint.asked) == 2 + calls + 8 + 2


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (
            status(401, f"Incorrect API key provided: {KEY}"),
            EndpointError,
            r"^The judge's endpoint http://127.0.0.1:\d+/v1 refuses the API key in the variable OPENAI_API_KEY \(401: "
            r"Incorrect API key provided: \*\*\*\): set the right one, and run the command again\.$",
        ),
        (status(403, "not yours"), EndpointError, r"refuses the API key in .* \(403: not yours\)"),
        (
            status(404, "The model m does not exist"),
            EndpointError,
            r"does not know the model 'm' \(404: The model m does not exist\): correct the judge's model, or its url",
        ),
        (status(400, "no such model", "model_not_found"), EndpointError, r"does not know the model 'm' \(400: no such"),
        (
            status(429, "You exceeded your current quota", "insufficient_quota"),
            EndpointError,
            "has no credit .*: top it",
        ),
        (status(402, "pay first"), EndpointError, r"has no credit \(pay first\): top it up"),
        (BROKEN, UnreachableError, r"does not answer \(500: out of memory\): start it or correct the judge's url"),
        (BUSY, UnreachableError, r"does not answer \(429: slow down\)"),
        (raw(b"<html>\nlogin"), UnreachableError, r"does not answer \(its reply is no chat completion, it begins '<ht"),
        (cut_in_body, UnreachableError, r"does not answer \(peer closed connection"),
    ],
)
def test_an_endpoint_that_will_not_judge_ends_the_run_with_one_sentence_and_what_was_paid_for_is_kept(
    fault: Fault, error: type[RatchetError], sentence: str, make_judge: MakeJudge, note: Path
) -> None:
    many = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(14)]
    with serve(ScriptedEndpoint(faults=[None] * 4 + [fault] * 40)) as endpoint:
        judge = make_judge(endpoint, concurrency=2)
        with pytest.raises(error, match=sentence) as caught:
            judge_all(judge, many, note)
        assert len(caught.value.problems) == 1 and KEY not in str(caught.value)
        before = len(endpoint.asked)
        assert before <= 4 + 3 * 11
        endpoint.faults = ()
        judged = judge_all(judge, many, note)
    assert judged.counts.judged == 14
    assert len(endpoint.asked) == before + 28 - 4


def test_an_endpoint_that_takes_no_call_at_all_is_given_up_after_three(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[UNKNOWN_FIELD] * 12)) as endpoint:
        with pytest.raises(
            EndpointError, match=r"refuses what it is asked \(422: response_format: unknown field\): see that it takes"
        ):
            judge_all(make_judge(endpoint, concurrency=1), comparisons, note)
        assert len(endpoint.asked) == 3


def test_comparisons_that_the_endpoint_never_takes_do_not_hold_up_round_after_round(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[None, None, *[UNKNOWN_FIELD] * 10])) as endpoint:
        judge = make_judge(endpoint, concurrency=1)
        for _ in range(2):
            judged = judge_all(judge, comparisons, note)
            assert (judged.counts.judged, judged.counts.skipped["request_refused"]) == (1, 5)


def test_what_is_under_way_when_the_run_ends_is_heard_out_and_kept(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(faults=[slowly, slowly, slowly, status(401)])) as endpoint:
        judge = make_judge(endpoint, concurrency=4)
        with pytest.raises(EndpointError, match="refuses the API key"):
            judge_all(judge, comparisons, note)
        assert len(endpoint.asked) == 4
        assert judge_all(judge, comparisons, note).counts.spent.calls == 12
        assert len(endpoint.asked) == 4 + 12 - 3


def test_an_endpoint_that_hangs_is_given_up(make_judge: MakeJudge, comparisons: list[Comparison], note: Path) -> None:
    with serve(ScriptedEndpoint(faults=[hang] * 20)) as endpoint:
        with pytest.raises(UnreachableError, match=r"does not answer \(no reply within 0\.2 s\): start it or correct"):
            judge_all(make_judge(endpoint, timeout_s=0.2, concurrency=1), comparisons, note)
        assert len(endpoint.asked) == 3 * 3  # three comparisons, each tried three times


def test_a_lone_comparison_that_fails_is_an_error_too(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with (
        serve(ScriptedEndpoint(faults=[UNKNOWN_FIELD])) as endpoint,
        pytest.raises(EndpointError, match="refuses what it is asked"),
    ):
        judge_all(make_judge(endpoint), comparisons[:1], note)


@pytest.mark.parametrize(
    ("looked_for_in", "sentence"),
    [
        ("the variable OPENAI_API_KEY", "and there is none in the variable OPENAI_API_KEY: set it"),
        ("", "and the judge's settings name none: name an environment variable"),
    ],
)
def test_an_endpoint_without_a_key_that_wants_one_says_where_to_put_it(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, looked_for_in: str, sentence: str
) -> None:
    from dataclasses import replace

    from tasks.llm.api_key import ApiKey

    with serve(ScriptedEndpoint(faults=[status(401, "who are you")] * 9)) as endpoint:
        judge = replace(make_judge(endpoint), key=ApiKey("", looked_for_in))
        with pytest.raises(EndpointError, match=rf"asks for an API key \(401: who are you\), {sentence}"):
            judge_all(judge, comparisons, note)


def test_a_model_that_never_says_a_verdict_leaves_the_round_without_its_feedback(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(lambda _: "as an AI I like both")) as endpoint:
        judged = judge_all(make_judge(endpoint), comparisons, note)
    assert judged.verdicts == (None,) * 6
    assert judged.counts.skipped["unusable_reply"] == 6
    assert [asked.body["temperature"] for asked in endpoint.asked].count(0.0) == 6  # and 12 at another


def test_a_call_that_was_lost_is_reckoned_as_paid_and_the_budget_holds(make_judge: MakeJudge, note: Path) -> None:
    many = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(20)]
    with serve(ScriptedEndpoint(faults=[cut_in_body] * 2, usage=(300, 20))) as endpoint:
        judge = make_judge(endpoint, budget={"tokens": 9_000}, max_tokens=20, concurrency=1)
        judged = judge_all(judge, many, note)
    spent = judged.counts.spent
    assert spent.estimated_calls == 2 and spent.prompt_tokens + spent.completion_tokens <= 9_000
    assert spent.calls == len(endpoint.asked) and judged.counts.judged > 2
