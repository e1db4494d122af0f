"""Judges: which there are, what they may spend, and when they are believed."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tasks.settings.endpoint import EndpointSettings, PositiveAmount
from tasks.settings.section import Fraction, Name, Positive, Section

Amount = Annotated[float, Field(ge=0.0)]


class ReferenceJudgeSettings(Section):
    """The reference judge: scores a candidate by its likeness to the reference answer, 0 to 1."""

    margin: Fraction = Field(default=0.05, description="scores closer than this are a tie")
    both_bad_below: Fraction = Field(default=0.2, description="when both score below this, both are bad")


class JudgeExample(Section):
    """A comparison with its verdict, shown to an LLM judge before it is asked."""

    question: str = Field(min_length=1)
    answer_a: str
    answer_b: str
    preference: Literal["a", "b", "tie", "both_bad"]
    reason: str = Field(min_length=1, description="why, in one sentence")


class JudgeBudget(Section):
    """What an LLM judge may spend in one round; it stops before the first call that could exceed it."""

    comparisons: Positive | None = Field(default=None, description="comparisons judged; None: all")
    tokens: Positive | None = Field(default=None, description="tokens of prompts and completions; None: no limit")
    cost_usd: PositiveAmount | None = Field(default=None, description="US dollars; None: no limit")
    test_share: Fraction = Field(
        default=0.2,
        description="share of all this kept for comparing challenger and champion on test questions; 0: it does not",
    )


class JudgePrice(Section):
    """What the endpoint charges, in US dollars for a million tokens."""

    prompt: Amount = 0.0
    completion: Amount = 0.0


class JudgeSettings(EndpointSettings):
    """An LLM judge on an OpenAI-compatible endpoint."""

    name: Name = Field(description="lower-case letters, digits, - and _; unique among the judges, not `reference`")
    url: Annotated[str, StringConstraints(pattern=r"^(embedded|https?://.+)$")] = Field(
        default="embedded",
        description="embedded: a llama.cpp server on loopback; or an endpoint such as https://.../v1",
    )
    family: str | None = Field(
        default=None,
        min_length=1,
        description="a word in the names of models of its family; measures self-preference",
    )
    method: Literal["pairwise", "rubric"] = Field(
        default="pairwise", description="pairwise: which answer is better; rubric: a score of 1 to 5 for each answer"
    )
    rubric: str = Field(
        default="The better answer is correct, answers what was asked, and says no more than that.",
        min_length=1,
        description="what makes an answer good, in words",
    )
    show_reference: bool = Field(default=True, description="show the judge the reference answer where there is one")
    examples: tuple[JudgeExample, ...] = ()
    budget: JudgeBudget = JudgeBudget()
    price: JudgePrice = JudgePrice()


class JudgeTrustSettings(Section):
    """When a judge has earned its weight: its agreement with people on the audit slice."""

    min_kappa: Annotated[float, Field(ge=-1.0, le=1.0)] = Field(
        default=0.4,
        description="Cohen's kappa with people from which a judge counts in full; one whose 95 % interval ends below "
        "it is left out of training",
    )
    min_labels: Positive = Field(default=30, description="audit comparisons needed before kappa is believed")
    reduced_weight: Fraction = Field(
        default=0.25,
        description="weight of a judge that has neither earned more nor been shown to be too weak; 0: left out",
    )
