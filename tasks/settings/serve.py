"""How `ratchet serve` answers: who may ask, how much at once, and which share the challenger gets."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.settings.endpoint import PositiveAmount
from tasks.settings.section import Fraction, Positive, Section


class ServeSettings(Section):
    """The OpenAI-compatible server on the champion."""

    api_key_secret: str | None = Field(
        default=None, min_length=1, description="a Prefect Secret block with the API keys; None: `api_key_variable`"
    )
    api_key_variable: str | None = Field(
        default=None,
        min_length=1,
        description="an environment variable with the API keys, separated by commas; None: no key, and loopback only",
    )
    retrieval: Literal["auto", "always", "never"] = Field(
        default="auto", description="auto: passages for a version that was trained with them; always or never: for any"
    )
    canary_share: Fraction = Field(default=0.0, description="share of the requests that the challenger answers")
    alias_poll_s: PositiveAmount = Field(default=5.0, description="seconds between looks at the registry's aliases")
    batch_size: Positive = Field(default=16, description="requests answered together")
    batch_wait_s: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        default=0.005, description="seconds that a batch which is not full waits for more requests"
    )
    max_waiting: Positive = Field(default=256, description="requests that wait for a batch; further ones get a 503")
    max_connections: Positive = Field(default=1024, description="connections open at once; further ones get a 503")
    request_timeout_s: PositiveAmount = Field(default=60.0, description="seconds until a request gets a 504")
    read_timeout_s: PositiveAmount = Field(default=10.0, description="seconds a client may take to send a request")
    drain_s: PositiveAmount = Field(default=30.0, description="seconds that SIGTERM leaves to requests under way")
    max_body_bytes: Positive = Field(default=262_144, description="bytes of a request; a longer one gets a 413")
    max_messages: Positive = Field(default=50, description="messages of a request")
    max_tokens: Positive = Field(
        default=512, description="tokens of an answer that a request may ask for, if not `generation.max_new_tokens`"
    )
    log_texts: bool = Field(
        default=True, description="questions and answers in the traces, scrubbed; without them nothing is learned"
    )
    max_untraced: Positive = Field(
        default=1000, description="requests that wait to be traced; when more do, the oldest are not, and are counted"
    )

    @model_validator(mode="after")
    def _one_place_for_the_keys(self) -> "ServeSettings":
        if self.api_key_secret is not None and self.api_key_variable is not None:
            raise ValueError("serve: `api_key_secret` and `api_key_variable` are both set; keep one of them")
        return self
