"""Repeating rows of what a challenger may forget: experience replay (Robins 1995, "Catastrophic forgetting, rehearsal
and pseudorehearsal"; Rolnick et al. 2019, "Experience replay for continual learning").

A snapshot holds the feedback of all rounds, so nothing of the domain has to be brought back: replay gives rows that
are there already more weight, by repeating them. Which ones: those of the skill that the last challenger lost most on,
counted in its margins. A skill with questions of its own has no rows, for none of its questions is learned from; then
they are drawn from all rows that the last round had, too, which pull the model back to what it was. What was withdrawn
is in no snapshot, and so is never repeated.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Literal

from tasks.config import Config
from tasks.domain.skills import values_of
from tasks.evaluation.forgetting import replay_share, worst_loss
from tasks.files import read_rows
from tasks.home import Home
from tasks.progress import say
from tasks.records import Demonstration, PromotionDecision, Question, Replay, SkillTest, Snapshot
from tasks.rounds import Round, read_decisions
from tasks.snapshots import read_demonstrations, read_manifest

DrawnFrom = Literal["skill", "earlier_rounds", "nothing"]


@dataclass(frozen=True)
class ReplayPlan:
    """What is repeated: the ids of the rows, one as often as it is added, and why."""

    rows: tuple[str, ...]
    replay: Replay


def plan_replay(config: Config, home: Home, opened: Round, snapshot: Snapshot) -> ReplayPlan | None:
    """What the round's training repeats, by what the challenger of the round decided last lost; None: nothing.

    The same rounds and snapshot give the same plan, so that a training which was killed goes on with it.

    Raises:
        IntegrityError: when a round's records, a snapshot or the questions were altered.
    """
    decisions = read_decisions(home, opened.domain.name, opened.number)
    if not decisions:
        return None
    last = decisions[-1]
    worst = worst_loss(last.evidence.skills)
    share = replay_share(worst.loss if worst else 0.0, config.train.replay)
    if share == 0.0:
        return None
    rows = read_demonstrations(home.snapshots, snapshot)
    questions = read_rows(home.objects, opened.domain.questions, Question)
    pool, drawn_from = choose_pool(rows, questions, worst, _rows_of(home, last))
    repeated = draw_repeats(pool, repeats_for(len(rows), share) if pool else 0, config.seed)
    replay = Replay(
        share=share,
        skill=worst.skill if worst else None,
        loss=worst.loss if worst else 0.0,
        drawn_from=drawn_from,
        repeats=len(repeated),
    )
    say(f"train: {replay.describe()}")
    return ReplayPlan(tuple(repeated), replay)


def with_repeats(rows: Sequence[Demonstration], plan: ReplayPlan | None) -> list[Demonstration]:
    """The rows, then those that the plan repeats."""
    by_id = {row.id: row for row in rows}
    return [*rows, *(by_id[row] for row in (plan.rows if plan else ()))]


def choose_pool(
    rows: Sequence[Demonstration], questions: Sequence[Question], worst: SkillTest | None, earlier: set[str]
) -> tuple[list[str], DrawnFrom]:
    """The ids of the rows to draw from: those of the slice that lost most, or else those that the last round had, too.

    Args:
        worst: the skill that lost most; a slice is named `key=value`, by the questions' metadata.
        earlier: ids of the last round's rows.
    """
    key, is_slice, value = worst.skill.partition("=") if worst else ("", "", "")
    if is_slice:
        members = {question.id for question in questions if value in values_of(question.metadata, key)}
        if pool := [row.id for row in rows if row.question_id in members]:
            return pool, "skill"
    pool = [row.id for row in rows if row.id in earlier]
    return pool, "earlier_rounds" if pool else "nothing"


def draw_repeats(pool: Sequence[str], count: int, seed: int) -> list[str]:
    """So many ids of the pool, drawn by hash, each as often as any other but for one; empty where the pool is."""
    drawn = sorted(pool, key=lambda row: hashlib.blake2b(f"replay {seed} {row}".encode()).digest())
    return list(islice(cycle(drawn), count))


def repeats_for(rows: int, share: float) -> int:
    """How many repeats, added to that many rows, make up the share of them all, which is below 1."""
    return round(rows * share / (1.0 - share))


def _rows_of(home: Home, decision: PromotionDecision) -> set[str]:
    """The ids of the demonstrations that the round's challenger was trained on."""
    adapter = decision.challenger.adapter
    if adapter is None:
        return set()
    snapshot, _ = read_manifest(home.snapshots, adapter.snapshot_sha256)
    return {row.id for row in read_demonstrations(home.snapshots, snapshot)}
