"""A budget is never exceeded, whatever is under way, and outlives a restart."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.judging.budget import Hold, Limits, Purse, likely_tokens, limits_of, most_tokens, open_purse
from tasks.llm.calling import Tokens
from tasks.settings.judging import JudgeBudget, JudgePrice

CALL = Tokens(prompt=100, completion=50)
PRICE = JudgePrice(prompt=1.0, completion=10.0)  # a CALL costs 0.0006 US dollars


def begin(purse: Purse, name: str, calls: int = 2) -> Hold:
    hold = purse.put_aside(name, [CALL] * calls)
    assert hold is not None
    return hold


@pytest.mark.parametrize(
    ("limits", "affordable"),
    [
        (Limits(), 9),
        (Limits(comparisons=3), 3),
        (Limits(tokens=900), 3),
        (Limits(tokens=899), 2),
        (Limits(cost_usd=0.0036), 3),
        (Limits(cost_usd=0.0035), 2),
        (Limits(comparisons=5, tokens=900, cost_usd=0.0024), 2),
    ],
)
def test_what_is_put_aside_ends_where_a_limit_could_be_exceeded(
    limits: Limits, affordable: int, tmp_path: Path
) -> None:
    with open_purse(tmp_path / "note", limits, PRICE) as purse:
        held = [purse.put_aside(str(number), [CALL, CALL]) for number in range(9)]
    assert [hold is not None for hold in held] == [True] * affordable + [False] * (9 - affordable)


def test_what_a_call_did_not_use_is_there_for_the_next(tmp_path: Path) -> None:
    with open_purse(tmp_path / "note", Limits(tokens=300), PRICE) as purse:
        hold = begin(purse, "one")
        assert purse.put_aside("two", [CALL]) is None and not purse.add(hold, CALL)
        purse.pay(hold, CALL, Tokens(prompt=20, completion=5), estimated=False)
        assert purse.put_aside("two", [CALL]) is None  # 25 paid, 150 aside, 150 wanted
        purse.pay(hold, CALL, Tokens(prompt=20, completion=5), estimated=False)
        purse.release(hold)
        begin(purse, "two", calls=1)


def test_what_was_put_aside_in_vain_is_given_back(tmp_path: Path) -> None:
    with open_purse(tmp_path / "note", Limits(comparisons=1, tokens=300), PRICE) as purse:
        purse.release(begin(purse, "one"))
        hold = begin(purse, "two")
        assert purse.spent.comparisons == 0
        purse.release(hold)


def test_a_restart_goes_on_where_the_note_stops(tmp_path: Path) -> None:
    note, limits = tmp_path / "round" / "note", Limits(comparisons=2)
    with open_purse(note, limits, PRICE) as purse:
        hold = begin(purse, "one")
        purse.pay(hold, CALL, CALL, estimated=False)
        purse.pay(hold, CALL, CALL, estimated=True)
        before = purse.spent
    with open_purse(note, limits, PRICE) as purse:
        assert purse.spent == before
        assert (before.calls, before.comparisons, before.estimated_calls) == (2, 1, 1)
        assert before.cost_usd == pytest.approx(0.0012)
        begin(purse, "one")  # counted already
        begin(purse, "two")
        assert purse.put_aside("three", [CALL]) is None


def test_a_comparison_that_costs_nothing_is_always_affordable(tmp_path: Path) -> None:
    with open_purse(tmp_path / "note", Limits(comparisons=1, tokens=1), PRICE) as purse:
        assert purse.put_aside("kept", []) is not None


@settings(max_examples=50)
@given(st.integers(1, 5_000), st.integers(0, 2**16))
def test_no_order_of_calls_exceeds_the_budget(tmp_path_factory: pytest.TempPathFactory, limit: int, seed: int) -> None:
    draw = random.Random(seed)
    note = tmp_path_factory.mktemp("purse") / "note"
    with open_purse(note, Limits(tokens=limit), PRICE) as purse:
        open_holds: list[Hold] = []
        for number in range(60):
            hold = purse.put_aside(str(number), [CALL] * draw.randint(1, 3))
            open_holds += [hold] if hold else []
            if open_holds and draw.random() < 0.7:
                chosen = draw.choice(open_holds)
                used = Tokens(prompt=draw.randint(0, 100), completion=draw.randint(0, 50))
                purse.pay(chosen, CALL, used, estimated=False)
                if not chosen.bounds or draw.random() < 0.2:
                    purse.release(chosen)
                    open_holds.remove(chosen)
            assert purse.spent.prompt_tokens + purse.spent.completion_tokens <= limit


@given(st.text())
def test_no_text_has_more_tokens_than_its_bound(text: str) -> None:
    most, likely = most_tokens(text, 10), likely_tokens(text, text)
    assert most.prompt >= len(text.encode("utf-8", "replace")) >= likely.prompt
    assert most.completion == 10


# --- the share of each stage --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "collect", "evaluate"),
    [
        ({}, (None, None, None), (None, None, None)),
        ({"comparisons": 100, "tokens": 1000, "cost_usd": 2.0}, (80, 800, 1.6), (20, 200, 0.4)),
        ({"comparisons": 1}, (1, None, None), (0, None, None)),  # too little to divide
        ({"comparisons": 3}, (2, None, None), (1, None, None)),
        ({"comparisons": 10, "test_share": 0.5}, (5, None, None), (5, None, None)),
        ({"tokens": 10, "test_share": 0.0}, (None, 10, None), (0, 0, None)),  # no limit is no leave to ask
        ({"test_share": 0.0}, (None, None, None), (0, None, None)),
        ({"test_share": 1.0, "cost_usd": 1.0}, (0, None, 0.0), (None, None, 1.0)),
    ],
)
def test_test_answers_have_their_share_and_what_has_no_limit_has_none(
    budget: dict[str, float], collect: tuple[float | None, ...], evaluate: tuple[float | None, ...]
) -> None:
    given = JudgeBudget.model_validate(budget)
    for limits, expected in ((limits_of(given, "collect"), collect), (limits_of(given, "evaluate"), evaluate)):
        for found, wanted in zip((limits.comparisons, limits.tokens, limits.cost_usd), expected, strict=True):
            assert found == (wanted if wanted is None else pytest.approx(wanted))


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.floats(0.01, 1e6), st.floats(0.0, 1.0))
def test_the_two_stages_together_may_spend_the_budget_and_no_more(
    comparisons: int, tokens: int, cost_usd: float, share: float
) -> None:
    budget = JudgeBudget(comparisons=comparisons, tokens=tokens, cost_usd=cost_usd, test_share=share)
    collect, evaluate = limits_of(budget, "collect"), limits_of(budget, "evaluate")
    assert (collect.tokens or 0) + (evaluate.tokens or 0) == tokens
    assert (collect.comparisons or 0) + (evaluate.comparisons or 0) <= comparisons
    assert (collect.cost_usd or 0) + (evaluate.cost_usd or 0) == pytest.approx(cost_usd)
