"""Who says what is good: people and end users."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tasks.settings.section import Fraction, Positive, Section


class HumanFeedbackSettings(Section):
    """Asking people, through Argilla."""

    argilla: Annotated[str, StringConstraints(pattern=r"^(embedded|https?://.+)$")] | None = Field(
        default=None, description="None: people are not asked; embedded: `ratchet argilla up`; or a server's URL"
    )
    api_key_secret: str | None = Field(
        default=None, description="a Prefect Secret block with the API key; None: the variable ARGILLA_API_KEY"
    )
    workspace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=200)] = "ratchet"
    labels: Positive = Field(default=50, description="labels asked of people each round")
    audit_share: Fraction = Field(
        default=0.2, description="share of the records drawn at random, which two people answer unaided"
    )
    test_labels: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="labels asked each round on the test answers of challenger and champion; they measure, and no "
        "model learns from them",
    )
    guidelines: str | None = Field(default=None, description="a markdown file in place of the built-in guidelines")
    round_after: Positive = Field(default=50, description="new labels after which `ratchet watch` starts a round")


class EndUserSettings(Section):
    """Thumbs and edits on production answers."""

    mlflow_experiment: str | None = Field(
        default=None, min_length=1, description="the MLflow experiment that holds production traces; None: none"
    )
    look_back_days: Positive = Field(
        default=90, description="days after an answer within which what MLflow's users say of it is looked for"
    )
    files: tuple[str, ...] = Field(default=(), description="globs of JSONL files with one answer and its rating a line")
