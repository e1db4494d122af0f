"""A model in the forms that consumers take, and whether each form answers as the evaluated model does."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.records.base import Count, Record, Sha256, Share
from tasks.settings.evaluation import Form

GgufType = Literal["f16", "f32", "q8_0"]


class FormParity(Record):
    """One exported form beside the evaluated model: the same prompts, answered greedily by both."""

    form: Form
    numbers: str = Field(description="format of the weights: float32, bfloat16, float16; f16, f32 or q8_0 for GGUF")
    loaded_with: str = Field(description="the library that loaded the form and answered, with its version")
    prompts: Count = Field(description="prompts that were compared")
    equal_answers: Share = Field(description="of the prompts: answers equal token by token")
    max_gap: float | None = Field(
        description="largest gap found in a logit (GGUF: in a log-probability, natural); None: it could not be read"
    )
    tolerance: Annotated[float, Field(gt=0.0)] = Field(description="the largest gap allowed")
    passed: bool
    problem: str | None = Field(default=None, description="what failed, on which prompt and by how much; None: nothing")


class ExportManifest(Record):
    """export.json beside an exported form: what it was made of, its files, and how it was checked."""

    layout: Literal[1] = 1
    key: Sha256 = Field(description="hash of all that the form is made of; another key is another export")
    name: str = Field(description="registered model name")
    version: Annotated[int, Field(ge=1)]
    form: Form
    numbers: str = Field(description="format of the weights")
    base: str = Field(description="the base's public name")
    base_sha256: Sha256
    adapter_sha256: Sha256 | None = Field(description="None: the base as it is")
    files: dict[str, Sha256] = Field(description="sha256 of every other file of the folder, by name")
    notes: tuple[str, ...] = Field(default=(), description="what the form lacks, and why; a sentence each")
    parity: FormParity
