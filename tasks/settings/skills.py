"""Skills: what a challenger must not forget, each with questions of its own."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.settings.section import Name, Section

Margin = Annotated[float, Field(gt=0.0, lt=1.0)]


class SkillSettings(Section):
    """A set of questions beside the domain's, on which a challenger must not be worse than the champions before it."""

    name: Name = Field(description="lower-case letters, digits, - and _; unique among the skills")
    questions: str = Field(min_length=1, description="a JSONL file, as the domain's questions; all are asked")
    kind: Literal["answer", "instruction", "refusal"] = Field(
        default="answer",
        description="answer: scored by `promote.primary_metric`; instruction: share of `metadata.constraints` kept; "
        "refusal: 1 where the answer refuses, else 0",
    )
    margin: Margin | None = Field(default=None, description="loss that would matter; None: `promote.margin`")
    with_retrieval: bool = Field(default=False, description="ask with retrieved passages")
