"""Judges: which there are, what they may spend, and when they are believed."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tasks.settings.section import Fraction, Name, Positive, Section

PositiveAmount = Annotated[float, Field(gt=0.0)]
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


class JudgeSettings(Section):
    """An LLM judge on an OpenAI-compatible endpoint."""

    name: Name = Field(description="lower-case letters, digits, - and _; unique among the judges, not `reference`")
    url: Annotated[str, StringConstraints(pattern=r"^(embedded|https?://.+)$")] = Field(
        default="embedded",
        description="embedded: a llama.cpp server on loopback; or an endpoint such as https://.../v1",
    )
    model: str = Field(
        default="smollm2-135m-instruct",
        min_length=1,
        description="what the endpoint calls it; with `embedded` an embedded name or the path of a GGUF file",
    )
    family: str | None = Field(
        default=None,
        min_length=1,
        description="a word in the names of models of its family; measures self-preference",
    )
    api_key_secret: str | None = Field(
        default=None, min_length=1, description="a Prefect Secret block with the API key; None: `api_key_variable`"
    )
    api_key_variable: str | None = Field(
        default=None, min_length=1, description="an environment variable with the API key; None: it needs none"
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
    max_tokens: Positive = Field(default=400, description="tokens of a verdict")
    concurrency: Positive = Field(default=8, description="calls under way at once")
    timeout_s: PositiveAmount = Field(default=60.0, description="seconds for one call")
    retries: Annotated[int, Field(ge=0)] = Field(
        default=5, description="tries after the first, on 429, 5xx and timeouts, with growing waits"
    )
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
