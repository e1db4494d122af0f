"""What every section of the config is made of: frozen, and it refuses keys it does not know."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Metric = Literal["semantic_similarity", "rouge_l", "rouge_l_recall", "token_overlap_recall"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Section(BaseModel):
    """A part of the config."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
