"""What the gate goes by, its named checks, and what was decided."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tasks.records.base import Count, Record, Sha256, Share
from tasks.records.canary import CanaryEvidence
from tasks.records.evaluation import PairedDifference
from tasks.records.exports import FormParity
from tasks.records.fitness import Fitness, JudgedPreference
from tasks.records.models import ModelVersion
from tasks.records.skills import SkillTest
from tasks.settings.evaluation import PromoteSettings


class Check(Record):
    """One named reason for or against a promotion."""

    name: str
    passed: bool
    sentence: str = Field(description="what was found, with the figures")
    evidence: dict[str, Any] = Field(description="the numbers the sentence rests on")


class Certificate(Record):
    """The machine-checkable reasons for a decision; it promotes when every check passed."""

    checks: tuple[Check, ...] = Field(min_length=1)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


class SuperiorityTest(Record):
    """Whether the challenger is better than the champion, with error control across the rounds of the domain."""

    metric: str
    questions: Count = Field(description="test questions both answered")
    minimum_effect: Share = Field(description="gain that had to be exceeded")
    p_value: Share = Field(description="of a gain that is not above the minimum effect")
    level: Share = Field(description="this round's part of the error rate: the p-value up to which the finding holds")
    error_rate: Share = Field(description="of all rounds of the domain together")
    earlier: tuple[bool, ...] = Field(description="for each round decided before, whether its finding held")
    exposures: Count = Field(description="of those rounds, how many used the same test set")
    proven_gain: float | None = Field(description="the gain that is proven at the level; None: none is")

    @property
    def held(self) -> bool:
        """Whether the challenger is proven better."""
        return self.p_value <= self.level


class ChallengerFindings(Record):
    """What was found of the challenger besides its gain."""

    skills: tuple[SkillTest, ...] = Field(default=(), description="whether it is not worse, skill by skill")
    judged: JudgedPreference | None = Field(default=None, description="what judges say; None: they are not asked")
    fitness: Fitness | None = Field(
        default=None, description="what was found of it as a thing to be served; None: nobody looked"
    )
    forms: tuple[FormParity, ...] = Field(
        default=(), description="the forms it was exported to, and whether each answers as it does"
    )


class GateEvidence(ChallengerFindings):
    """All that the gate goes by; the same evidence and settings give the same certificate again."""

    questions: Count = Field(description="test questions answered by every arm")
    comparison: PairedDifference = Field(description="challenger minus champion on the test's metric")
    superiority: SuperiorityTest
    max_logit_difference: float | None = Field(
        description="largest |logit| gap between evaluated and reloaded model; None: it is not a number"
    )
    compared_with: Annotated[int, Field(ge=1)] = Field(description="version of the champion that was evaluated")
    champion_now: Annotated[int, Field(ge=1)] | None = Field(description="version that was champion at the decision")
    challenger: Annotated[int, Field(ge=1)] = Field(description="version of the challenger")
    taken_back: str | None = Field(
        default=None, description="what a person did to the challenger before: rolled it back, or rejected it"
    )
    canary: CanaryEvidence | None = Field(
        default=None, description="users' thumbs when a person approved it; None: they were not asked for"
    )
    resamples: Annotated[int, Field(ge=1)] = Field(description="draws of the comparison's bootstrap interval, and")
    seed: Count = Field(description="the seed that they were drawn with")


PersonName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Reason = Annotated[str, StringConstraints(max_length=2000)]


class Approval(Record):
    """What a person said of a challenger that passed every check."""

    approved: bool = Field(description="False: rejected")
    by: PersonName
    at: datetime = Field(description="UTC")
    reason: Reason = ""
    through: Literal["command", "form"] = Field(description="`ratchet approve`, or the form in Prefect's UI")
    carried_out: bool = Field(
        default=False, description="the registry and the reports show it; False: a process was killed before they did"
    )


class PromotionDecision(Record):
    """What the gate decided, and what the registry did."""

    round: Annotated[int, Field(ge=1)]
    promoted: bool
    challenger: ModelVersion
    champion_before: ModelVersion
    champion: ModelVersion = Field(description="the champion from now on")
    evidence: GateEvidence
    settings: PromoteSettings = Field(description="the gate's, as they were")
    certificate: Certificate = Field(description="what the gate says of the evidence with these settings")
    report_sha256: Sha256 = Field(description="hash of the ArmReport that it rests on")
    approval: Approval | None = Field(default=None, description="what a person said; None: nobody was asked, or has")

    @property
    def waits(self) -> bool:
        """Whether it waits for a person: every check passed, and that alone is not to promote it."""
        asks = self.settings.approval == "approve" and self.approval is None
        return asks and self.certificate.passed and not self.promoted
