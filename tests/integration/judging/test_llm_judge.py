"""A judge at a real HTTP endpoint: verdicts, both orders, cost, budget and what is kept."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from example_judging import judge_all
from example_records import candidate, comparison, question
from scripted_endpoint import KEY, ScriptedEndpoint, always_first, data_of, reply, serve

from tasks.feedback.sources import verdict_feedback
from tasks.judging.llm_judge import JudgedComparisons, LlmJudge
from tasks.records import Comparison

MakeJudge = Callable[..., LlmJudge]

PREFERENCES = ["a", "b", "a", "b", "a", "b"]


def preferences(judged: JudgedComparisons) -> list[str | None]:
    return [verdict.preference if verdict else None for verdict in judged.verdicts]


@pytest.mark.parametrize("method", ["pairwise", "rubric"])
def test_the_better_answer_wins_whichever_side_it_stands_on(
    method: str, make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judged = judge_all(make_judge(endpoint, method=method), comparisons, note)
    assert preferences(judged) == PREFERENCES
    assert (judged.counts.judged, judged.counts.kept) == (6, 0) and not any(judged.counts.skipped.values())
    assert len(endpoint.asked) == judged.counts.spent.calls == 12
    assert (judged.counts.spent.prompt_tokens, judged.counts.spent.completion_tokens) == (1200, 240)


def test_the_request_is_what_openai_compatible_servers_take(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge_all(make_judge(endpoint, max_tokens=77), comparisons[:1], note)
    body, headers = endpoint.asked[0].body, endpoint.asked[0].headers
    assert set(body) == {"model", "messages", "temperature", "max_tokens", "response_format"}
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0.0, 77)
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["reason", "preference"]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert headers["authorization"] == f"Bearer {KEY}"


def test_a_judge_that_sees_only_the_place_has_no_preference_and_says_so_in_the_feedback(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint(always_first)) as endpoint:
        judge = make_judge(endpoint)
        judged = judge_all(judge, comparisons, note)
    assert preferences(judged) == ["tie"] * 6
    rows = verdict_feedback(judge.name, comparisons, judged.verdicts, 3)
    assert {(row.swap_inconsistent, row.both_orders, row.confidence) for row in rows} == {(True, ("a", "b"), 0.0)}
    assert {(row.source, row.round) for row in rows} == {(f"judge:scripted@{judge.version}", 3)}


def test_what_was_answered_once_is_never_paid_for_again(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        first = judge_all(make_judge(endpoint), comparisons[:4], note)
        judged = judge_all(make_judge(endpoint), comparisons, note)
        assert len(endpoint.asked) == 12
        turned = [each.model_copy(update={"a": each.b, "b": each.a}) for each in comparisons]
        mirrored = judge_all(make_judge(endpoint), turned, note)
    assert judged.verdicts[:4] == first.verdicts
    assert (judged.counts.kept, judged.counts.spent.calls) == (4, 12)
    assert preferences(mirrored) == ["b", "a"] * 3
    assert (len(endpoint.asked), mirrored.counts.kept) == (12, 6)


def test_what_is_kept_does_not_depend_on_where_it_was_asked_nor_with_which_key(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge_all(make_judge(endpoint), comparisons, note)
    with serve(ScriptedEndpoint()) as moved:
        judged = judge_all(make_judge(moved, name="renamed", retries=0), comparisons, note)
    assert (len(moved.asked), judged.counts.kept) == (0, 6)


@pytest.mark.parametrize("change", [{"model": "other"}, {"rubric": "Shorter is better."}, {"max_tokens": 5}])
def test_another_judge_is_asked_anew(
    change: dict[str, object], make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge_all(make_judge(endpoint), comparisons[:1], note)
        judge_all(make_judge(endpoint, **change), comparisons[:1], note)
    assert len(endpoint.asked) == 4


def test_an_answer_is_scored_once_however_many_comparisons_it_is_in(make_judge: MakeJudge, note: Path) -> None:
    asked = question()
    answers = [candidate(text) for text in ("RIGHT", "one", "two", "three")]
    pairs = [Comparison(question=asked, a=a, b=b) for place, a in enumerate(answers) for b in answers[place + 1 :]]
    with serve(ScriptedEndpoint(delay_s=0.05)) as endpoint:
        judged = judge_all(make_judge(endpoint, method="rubric", concurrency=6), pairs, note)
    assert preferences(judged) == ["a", "a", "a", "tie", "tie", "tie"]
    assert len(endpoint.asked) == judged.counts.spent.calls == 4


def test_no_more_calls_are_under_way_than_allowed_and_as_many_as_that(make_judge: MakeJudge, note: Path) -> None:
    many = [comparison("RIGHT", "no", question(str(number))) for number in range(20)]
    with serve(ScriptedEndpoint(delay_s=0.03)) as endpoint:
        judge_all(make_judge(endpoint, concurrency=5), many, note)
    assert endpoint.most_at_once == 5


def test_progress_is_towards_what_the_budget_reaches(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint, budget={"comparisons": 2})
        judge_all(judge, comparisons, note)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"judge {judge.name}: 2 to do"
    assert lines[1].startswith(f"judge {judge.name}: 2/2 in ")


@pytest.mark.parametrize(
    ("settings", "judged_count"),
    [
        ({"budget": {"comparisons": 2}}, 2),
        ({"budget": {"tokens": 8_000}}, None),
        ({"budget": {"cost_usd": 0.01}, "price": {"prompt": 1.0, "completion": 5.0}}, None),
    ],
)
def test_a_budget_ends_the_round_cleanly_and_is_never_exceeded(
    settings: dict[str, dict[str, float]], judged_count: int | None, make_judge: MakeJudge, note: Path
) -> None:
    many = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(40)]
    with serve(ScriptedEndpoint(usage=(300, 20))) as endpoint:
        judge = make_judge(endpoint, max_tokens=20, **settings)
        judged = judge_all(judge, many, note)
        again = judge_all(judge, many, note)
    limits, spent = judge.settings.budget, judged.counts.spent
    done = judged.counts.judged
    assert 0 < done < 40 and done in (judged_count, done) and judged.counts.skipped["budget"] == 40 - done
    # In the given order, both orders of each.
    assert preferences(judged) == ["a"] * done + [None] * (40 - done)
    assert len(endpoint.asked) == spent.calls == 2 * done
    assert limits.tokens is None or spent.prompt_tokens + spent.completion_tokens <= limits.tokens
    assert limits.cost_usd is None or spent.cost_usd <= limits.cost_usd
    # Not begun anew by a restart, and what is kept counts for nothing.
    assert again.verdicts == judged.verdicts and again.counts.spent == spent and again.counts.kept == done


def test_a_budget_that_is_spent_still_gives_the_verdicts_that_are_kept(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge_all(make_judge(endpoint), comparisons[3:], note)
        later = judge_all(make_judge(endpoint, budget={"comparisons": 1}), comparisons, note.with_name("next round"))
    assert preferences(later) == ["a", None, None, "b", "a", "b"]


def test_an_endpoint_that_reports_no_usage_is_estimated_and_that_is_said(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint(usage=None)) as endpoint:
        judged = judge_all(make_judge(endpoint), comparisons, note)
    spent = judged.counts.spent
    assert spent.estimated_calls == 12
    asked_bytes = sum(len(m["content"].encode()) for asked in endpoint.asked for m in asked.messages)
    assert asked_bytes / 5 < spent.prompt_tokens < asked_bytes / 2
    assert "12 calls estimated: their tokens were not reported" in capsys.readouterr().err


def test_damaged_replies_are_counted_and_asked_for_again(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge = make_judge(endpoint)
        judge_all(judge, comparisons, note)
        [journal] = judge.replies.iterdir()
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[2] = lines[2][: len(lines[2]) // 2] + b"\n"
        journal.write_bytes(b"".join(lines)[:-9])
        judged = judge_all(judge, comparisons, note)
    assert preferences(judged) == PREFERENCES
    assert (len(endpoint.asked), judged.counts.damaged) == (14, 2)
    assert "2 kept replies were damaged, and asked for again" in capsys.readouterr().err


def test_the_key_is_in_no_file_no_log_and_no_message(
    make_judge: MakeJudge,
    comparisons: list[Comparison],
    note: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = reply('{"reason": "your key is ' + KEY + '", "preference": "tie"}')
    with serve(ScriptedEndpoint(faults=[echo] * 12)) as endpoint:
        judge = make_judge(endpoint)
        judged = judge_all(judge, comparisons, note)
    assert judged.counts.judged == 6
    shown = capsys.readouterr()
    said = [caplog.text, shown.out, shown.err, repr(judge), repr(judged)]
    files = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2 and KEY not in "".join(said + files)


def test_without_a_key_none_is_taken_from_the_environment(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from tasks.llm.api_key import ApiKey

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(ScriptedEndpoint()) as endpoint:
        judge: LlmJudge = replace(make_judge(endpoint), key=ApiKey())
        judge_all(judge, comparisons[:1], note)
    assert KEY not in str(endpoint.asked[0].headers)


def test_the_environments_proxy_is_passed_by_on_loopback(
    make_judge: MakeJudge, comparisons: list[Comparison], note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serve(ScriptedEndpoint()) as endpoint:
        assert judge_all(make_judge(endpoint, retries=0), comparisons, note).counts.judged == 6


def test_nothing_to_judge_asks_nothing(make_judge: MakeJudge, note: Path) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judged = judge_all(make_judge(endpoint), [], note)
    assert (judged.verdicts, endpoint.asked) == ((), [])


def test_the_two_orders_are_what_the_endpoint_is_shown(make_judge: MakeJudge, note: Path) -> None:
    with serve(ScriptedEndpoint()) as endpoint:
        judge_all(make_judge(endpoint), [comparison("RIGHT", "wrong")], note)
    shown = [data_of(asked.messages)["answers"] for asked in endpoint.asked]
    assert shown == [{"first": "RIGHT", "second": "wrong"}, {"first": "wrong", "second": "RIGHT"}]
