"""The base model, and how answers are sampled from it."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.settings.section import Positive, Section


class ModelSettings(Section):
    """The base model and where it runs."""

    base: str = Field(default="smollm2-135m-instruct", min_length=1, description="embedded name, hub id or path")
    revision: str | None = Field(default=None, description="git revision of a hub id")
    embeddings: str = Field(default="all-minilm-l6-v2", min_length=1, description="embedded name, hub id or path")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda, then mps, then cpu")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: bfloat16 on GPUs that have it, float32 on CPU"
    )
    threads: Annotated[int, Field(ge=0)] = Field(default=0, description="CPU threads; 0: all cores")


class GenerationSettings(Section):
    """How every arm answers. Evaluation decodes greedily; collect samples with its own temperature."""

    max_new_tokens: Positive = 64
    engine: Literal["transformers", "vllm"] = Field(
        default="transformers", description="vllm: much faster on GPUs; answers can differ in places, so keep to one"
    )
    batch_size: Positive = Field(default=32, description="prompts decoded together")
    max_prompt_tokens: Positive = Field(default=1024, description="a longer prompt is an error, never cut")


class CollectSettings(Section):
    """Sampling candidates from the champion."""

    questions: Positive = Field(default=100, description="train questions sampled each round")
    proposals: Annotated[int, Field(ge=0)] = Field(
        default=10, description="questions of production that `ratchet monitor` proposed, asked besides each round"
    )
    candidates: Annotated[int, Field(ge=2, le=16)] = Field(default=4, description="candidates per question")
    temperature: Annotated[float, Field(gt=0.0, le=2.0)] = 0.8
    top_k: Positive = Field(default=50, description="draw among this many likeliest tokens")
    arms: Annotated[tuple[Literal["closed_book", "rag"], ...], Field(min_length=1)] = Field(
        default=("closed_book",), description="a question's candidates take turns; rag: with retrieved passages"
    )
