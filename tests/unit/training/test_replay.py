"""What is repeated: rows of the slice that was lost, else of the last round, as large a share as the loss asks for."""

from pathlib import Path
from typing import Any

import pytest
from example_decisions import gate_evidence, promotion_decision
from example_models import BASE, adapter
from example_skills import skill_test
from example_snapshots import demonstration, write_snapshot
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import Config
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Demonstration, Domain, FileRef, ModelVersion, Question, SkillTest, Snapshot
from tasks.rounds import Round, write_stage
from tasks.training.replay import choose_pool, draw_repeats, plan_replay, repeats_for, with_repeats

CHAMPION = ModelVersion(name="demo", version=1, base=BASE)
QUESTIONS = [
    Question(id=f"q{number}", question="?", family="f", split="train", metadata={"unit": "ms"[number % 2]})
    for number in range(10)
]
ROWS = [demonstration(f"answer {number}").model_copy(update={"question_id": f"q{number}"}) for number in range(10)]


def config(**replay: Any) -> Config:
    return Config.model_validate({"root": Path(), "name": "demo", "questions": "q.jsonl", "train": {"replay": replay}})


def opened(home: Home) -> Round:
    empty = FileRef(sha256="e" * 64, rows=0)
    domain = Domain(
        name="demo",
        questions=write_rows(home.objects, QUESTIONS),
        documents=empty,
        train_questions=10,
        test_questions=0,
        shared_families=0,
    )
    return Round(number=2, domain=domain, champion=CHAMPION)


def decide(home: Home, rows: list[Demonstration], *tests: SkillTest) -> None:
    """A first round whose challenger was trained on these rows, and tested so."""
    snapshot = write_snapshot(home.snapshots, rows, [])
    trained = CHAMPION.model_copy(update={"version": 2, "adapter": adapter(snapshot_sha256=snapshot.sha256)})
    decision = promotion_decision(trained, CHAMPION, round=1, evidence=gate_evidence(skills=tests))
    write_stage(home.round("demo", 1), "promote", "key", decision)


def snapshot_of(home: Home) -> Snapshot:
    return write_snapshot(home.snapshots, ROWS, [])


def test_the_lost_slices_rows_are_repeated_as_its_loss_asks(home: Home):
    decide(home, ROWS[:4], skill_test(skill="unit=m", challenger=0.4, reference=0.5, margin=0.2))
    plan = plan_replay(config(max_share=0.5), home, opened(home), snapshot_of(home))
    assert plan is not None
    # Half a margin was lost, which is a quarter of all rows: 3 beside the 10.
    assert (plan.replay.share, plan.replay.repeats, plan.replay.drawn_from) == (pytest.approx(0.25), 3, "skill")
    assert set(plan.rows) <= {row.id for row in ROWS[::2]}
    assert plan.replay.describe() == (
        "3 repeats, a share of 0.25: the last challenger lost 0.5 margins on unit=m; drawn from that skill's rows"
    )
    trained = with_repeats(ROWS, plan)
    assert (trained[:10], len(trained)) == (ROWS, 13)
    assert plan_replay(config(max_share=0.5), home, opened(home), snapshot_of(home)) == plan


def test_a_skill_without_rows_is_kept_up_by_those_of_the_last_round(home: Home):
    decide(home, ROWS[:4], skill_test(skill="instructions", challenger=0.3, reference=0.5))
    plan = plan_replay(config(), home, opened(home), snapshot_of(home))
    assert plan is not None
    assert plan.replay.drawn_from == "earlier_rounds"
    assert set(plan.rows) <= {row.id for row in ROWS[:4]}
    assert plan.replay.repeats == 4


@pytest.mark.parametrize("tests", [(), (skill_test(challenger=0.6),)])
def test_without_a_loss_nothing_is_repeated_but_the_base_share(home: Home, tests: tuple[SkillTest, ...]):
    decide(home, ROWS, *tests)
    assert plan_replay(config(), home, opened(home), snapshot_of(home)) is None
    plan = plan_replay(config(base_share=0.2), home, opened(home), snapshot_of(home))
    assert plan is not None
    assert (plan.replay.skill, plan.replay.repeats) == (None, 2)
    assert plan.replay.describe().endswith(": nothing was lost; drawn from the last round's rows")


def test_the_first_round_repeats_nothing(home: Home):
    assert plan_replay(config(base_share=0.2), home, opened(home), snapshot_of(home)) is None


def test_what_is_in_the_last_rounds_snapshot_alone_never_comes_back(home: Home):
    """As of what was withdrawn."""
    decide(home, [demonstration("taken back")], skill_test(skill="instructions", challenger=0.0))
    plan = plan_replay(config(), home, opened(home), snapshot_of(home))
    assert plan is not None
    assert (plan.rows, plan.replay.drawn_from) == ((), "nothing")
    assert plan.replay.describe().endswith("and there are no rows to draw from")
    assert with_repeats(ROWS, plan) == ROWS


def test_nothing_to_draw_from_says_so():
    assert choose_pool(ROWS, [], skill_test(skill="unit=m"), set()) == ([], "nothing")


@given(st.sets(st.text("abcdef", min_size=1), max_size=8), st.integers(0, 40), st.integers(0, 5))
def test_each_row_is_drawn_as_often_as_any_other_but_for_one(pool: set[str], count: int, seed: int):
    drawn = draw_repeats(sorted(pool), count, seed)
    assert len(drawn) == (count if pool else 0)
    times = [drawn.count(row) for row in pool]
    assert max(times, default=0) - min(times, default=0) <= 1
    assert drawn == draw_repeats(sorted(pool, reverse=True), count, seed)


@given(st.integers(1, 10_000), st.floats(0.0, 0.9))
def test_the_repeats_make_up_the_share(rows: int, share: float):
    repeats = repeats_for(rows, share)
    assert repeats / (rows + repeats) == pytest.approx(share, abs=1 / rows)
