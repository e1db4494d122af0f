"""How an LLM is reached on an OpenAI-compatible endpoint, and how patiently."""

from typing import Annotated

from pydantic import Field

from tasks.settings.section import Positive, Section

PositiveAmount = Annotated[float, Field(gt=0.0)]


class EndpointSettings(Section):
    """What every LLM that Ratchet asks is told apart by, and asked with; where it is, its own section says."""

    model: str = Field(
        default="smollm2-135m-instruct",
        min_length=1,
        description="what the endpoint calls it; with `embedded` an embedded name or the path of a GGUF file",
    )
    api_key_secret: str | None = Field(
        default=None, min_length=1, description="a Prefect Secret block with the API key; None: `api_key_variable`"
    )
    api_key_variable: str | None = Field(
        default=None, min_length=1, description="an environment variable with the API key; None: it needs none"
    )
    max_tokens: Positive = Field(default=400, description="tokens of a reply")
    concurrency: Positive = Field(default=8, description="calls under way at once")
    timeout_s: PositiveAmount = Field(default=60.0, description="seconds for one call")
    retries: Annotated[int, Field(ge=0)] = Field(
        default=5, description="tries after the first, on 429, 5xx and timeouts, with growing waits"
    )
