"""LoRA, SFT, and what learns from preferences: DPO or KTO."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.settings.section import Fraction, Positive, Section


class LoraSettings(Section):
    """The adapter's shape (Hu et al. 2021)."""

    r: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    target_modules: str | tuple[str, ...] = Field(default="all-linear", description="module names, or all-linear")


class SftSettings(Section):
    """Supervised fine-tuning on demonstrations."""

    epochs: Annotated[float, Field(gt=0.0)] = 2.0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 5e-4
    batch_size: Positive = 8
    gradient_accumulation: Positive = 1
    warmup_share: Fraction = 0.1


class DpoSettings(Section):
    """Direct preference optimisation on pairs (Rafailov et al. 2023)."""

    epochs: Annotated[float, Field(gt=0.0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 2e-5
    batch_size: Positive = Field(default=2, description="pairs; each is two rows in memory")
    gradient_accumulation: Positive = 2
    warmup_share: Fraction = 0.1
    beta: Annotated[float, Field(gt=0.0)] = Field(default=0.1, description="pull towards the reference policy")
    sft_weight: Annotated[float, Field(ge=0.0)] = Field(
        default=1.0, description="weight of the likelihood of the chosen answer beside the DPO loss"
    )
    min_pairs: Positive = Field(default=8, description="with fewer pairs DPO is left out, and the round says so")


class KtoSettings(Section):
    """Kahneman-Tversky optimisation on single answers, good or bad (Ethayarajh et al. 2024)."""

    epochs: Annotated[float, Field(gt=0.0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 2e-5
    batch_size: Annotated[int, Field(ge=2)] = Field(
        default=4, description="rows, at least 2; the others of a batch are what each is compared with"
    )
    gradient_accumulation: Positive = 2
    warmup_share: Fraction = 0.1
    beta: Annotated[float, Field(gt=0.0)] = Field(default=0.1, description="pull towards the reference policy")
    min_rows: Positive = Field(default=16, description="with fewer rows KTO is left out, and the round says so")


class ContextSettings(Section):
    """Rows with retrieved passages in their prompts, as in RAFT (Zhang et al. 2024)."""

    closed_book_share: Fraction = Field(
        default=0.5, description="share of the rows without passages, so that the model can also answer without"
    )
    oracle_share: Fraction = Field(
        default=0.8,
        description="share of the rows with passages that get one of a source of their question; the others get "
        "passages of other documents only",
    )
    citations: bool = Field(
        default=False, description="end answers with the numbers of the passages that hold them, as in ` [1]`"
    )


class ReplaySettings(Section):
    """How much is repeated of what a challenger may forget: more, the more the last one lost on a skill."""

    base_share: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.0, description="share of SFT rows that are repeats, where the last challenger lost nothing"
    )
    max_share: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=0.3, description="the same where it lost a margin of `promote` or `skills`, or more"
    )

    @model_validator(mode="after")
    def _shares_are_in_order(self) -> "ReplaySettings":
        if self.base_share > self.max_share:
            raise ValueError(
                f"train.replay: base_share ({self.base_share:g}) is above max_share ({self.max_share:g}); lower it"
            )
        return self


class TrainSettings(Section):
    """SFT, then DPO or KTO."""

    preference: Literal["dpo", "kto"] = Field(
        default="dpo", description="dpo: learn from pairs; kto: from single answers, rated ones among them"
    )
    contexts: ContextSettings | None = Field(
        default=None, description="put retrieved passages into a part of the prompts; None: into none"
    )
    lora: LoraSettings = LoraSettings()
    replay: ReplaySettings = ReplaySettings()
    sft: SftSettings = SftSettings()
    dpo: DpoSettings = DpoSettings()
    kto: KtoSettings = KtoSettings()
    max_length: Positive = Field(default=1024, description="tokens of prompt and completion; longer rows are refused")
    gradient_checkpointing: bool = Field(default=False, description="slower, but large models fit")
    checkpoint_steps: Positive = Field(default=10, description="a killed run loses at most this many steps")
