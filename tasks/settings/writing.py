"""The model that writes: other queries of a question, questions about a passage, and what else stages have written."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tasks.settings.endpoint import EndpointSettings
from tasks.settings.section import Positive


class WriterSettings(EndpointSettings):
    """The LLM that writes for retrieval; it is asked greedily, and for each text once."""

    url: Annotated[str, StringConstraints(pattern=r"^(embedded|local|https?://.+)$")] = Field(
        default="embedded",
        description="embedded: a llama.cpp server on loopback; local: `model.base`, in this process; or an endpoint "
        "such as https://.../v1",
    )
    max_tokens: Positive = Field(default=200, description="tokens of a reply")
