"""What every record is made of: a frozen value, and the names of types and stages."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0.0)]

Split = Literal["train", "test"]
Preference = Literal["a", "b", "tie", "both_bad"]
Rating = Literal["up", "down"]
ARMS = ("base", "champion", "challenger")
STAGES: tuple["Stage", ...] = ("collect", "curate", "train", "evaluate", "promote")
Stage = Literal["collect", "curate", "train", "evaluate", "promote"]


class Record(BaseModel):
    """A frozen value; two records with equal fields are the same thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRef(Record):
    """A JSONL file named by its content."""

    sha256: Sha256 = Field(description="sha256 of the file's bytes; the file is `<sha256>.jsonl`")
    rows: Count = Field(description="number of lines, one JSON object each")
