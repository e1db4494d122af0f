"""The forgetting ledger: rounds by skills, and what each challenger lost. Pure.

A skill is tested against the best champion so far, not against the last one. A challenger that loses less than the
margin passes; were each compared with the one before it, ten of those would lose ten times as much, and no round would
show it. Of earlier champions the answers are there, kept by hash with their rounds, so that nothing is asked again. An
earlier champion is the reference where its mean is higher on the questions of today; what it was not asked, because
the question is new or another by now, is filled in with the champion's score. The highest of several means is partly
luck, so the reference asks for a little more than the best champion would do again: that errs on the safe side. A
champion that was rolled back counts as well: what it could do was once there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tasks.evaluation.intervals import TIE
from tasks.evaluation.superiority import non_inferiority_p_value, questions_needed
from tasks.records import PromotionDecision, Record, SkillTest
from tasks.settings.training import ReplaySettings

# A question as it was put: its id, its text and its reference answer.
Asked = tuple[str, str, str]


@dataclass(frozen=True)
class Known:
    """How a champion scores, question by question."""

    version: int
    scores: Mapping[Asked, float]

    @property
    def mean(self) -> float:
        """The mean score, of at least one question."""
        return sum(self.scores.values()) / len(self.scores)


@dataclass(frozen=True)
class Skill:
    """What a skill is tested with.

    Attributes:
        largest: the widest that two scores can lie apart.
    """

    name: str
    metric: str
    margin: float
    largest: float = 1.0


class LedgerRow(Record):
    """A challenger on one skill."""

    round: Annotated[int, Field(ge=1)]
    promoted: bool
    skill: str
    metric: str
    challenger: float = Field(description="mean of the metric")
    from_champion: float = Field(description="challenger minus the round's champion")
    from_best: float = Field(description="challenger minus the best champion so far")
    best_version: Annotated[int, Field(ge=1)] = Field(description="which one that was")
    margin: float
    held: bool = Field(description="proven not to be worse by the margin")


def best_so_far(champion: Known, earlier: Iterable[Known]) -> Known:
    """The best of the champions on the questions that the last one was asked; of equals the last one."""
    best = champion
    for known in earlier:
        scores = {asked: known.scores.get(asked, score) for asked, score in champion.scores.items()}
        candidate = Known(known.version, scores)
        if candidate.mean > best.mean + TIE:
            best = candidate
    return best


def measure_loss(
    skill: Skill, challenger: Mapping[Asked, float], champion: Known, earlier: Iterable[Known], level: float
) -> SkillTest:
    """The test of one skill, on the questions that challenger and champion were both asked.

    Args:
        champion: with at least one question that the challenger was asked.
        earlier: the champions of earlier rounds, oldest first.
        level: chance at which a loss of the margin is overlooked.

    Raises:
        ValueError: when a score is not one that the metric can have, or the two have no question in common.
    """
    both = {asked: score for asked, score in champion.scores.items() if asked in challenger}
    if not both:
        raise ValueError(f"challenger and champion share no question of {skill.name}")
    shared = Known(champion.version, both)
    reference = best_so_far(shared, earlier)
    differences = [challenger[asked] - score for asked, score in reference.scores.items()]
    return SkillTest(
        skill=skill.name,
        metric=skill.metric,
        questions=len(both),
        enough=questions_needed(skill.margin, level, skill.largest),
        margin=skill.margin,
        p_value=non_inferiority_p_value(differences, skill.margin, skill.largest),
        level=level,
        challenger=sum(challenger[asked] for asked in both) / len(both),
        champion=shared.mean,
        reference=reference.mean,
        reference_version=reference.version,
    )


def ledger(decisions: Sequence[PromotionDecision]) -> tuple[LedgerRow, ...]:
    """A row for each round and skill, in their order."""
    return tuple(
        LedgerRow(
            round=decision.round,
            promoted=decision.promoted,
            skill=test.skill,
            metric=test.metric,
            challenger=test.challenger,
            from_champion=test.challenger - test.champion,
            from_best=test.challenger - test.reference,
            best_version=test.reference_version,
            margin=test.margin,
            held=test.held,
        )
        for decision in decisions
        for test in decision.evidence.skills
    )


def worst_loss(tests: Iterable[SkillTest]) -> SkillTest | None:
    """The test of the skill on which most was lost, in margins; None where nothing was lost."""
    return max((test for test in tests if test.loss > 0.0), key=lambda test: test.loss, default=None)


def replay_share(loss: float, settings: ReplaySettings) -> float:
    """The share of SFT rows that are repeats: the base share where nothing was lost, the largest from one margin on,
    and in proportion between the two.

    Args:
        loss: what the last challenger lost on its worst skill, in margins, 0 or more.
    """
    return settings.base_share + (settings.max_share - settings.base_share) * min(1.0, loss)
