"""Models and where they came from: the base, an adapter, a registered version."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.records.base import Count, FileRef, Record, Seconds, Sha256
from tasks.records.contexts import TrainedContexts
from tasks.records.skills import Replay


class BaseModelRef(Record):
    """A base model: what the config calls it, where it was loaded from, and its hash."""

    id: str = Field(description="an embedded name, a hub id, or the name of the model's folder")
    path: str = Field(description="the folder or hub id that transformers loads")
    sha256: Sha256 = Field(description="hash of weights, config and tokenizer files (hub ids: of id and revision)")


class LossPoint(Record):
    """One point of a training curve."""

    phase: Literal["sft", "dpo", "kto"]
    step: Count = Field(description="optimizer step within the phase, from 1")
    loss: float


class Adapter(Record):
    """LoRA weights and where they came from."""

    sha256: Sha256 = Field(description="hash of adapter_config.json and adapter_model.safetensors; the folder's name")
    base: BaseModelRef = Field(description="the model the adapter belongs on")
    snapshot_sha256: Sha256 = Field(description="the dataset it was trained on")
    parent_sha256: Sha256 | None = Field(
        default=None, description="the adapter it started from, the champion's or that of a champion before it, if any"
    )
    dpo_reference: str = Field(
        description="frozen policy of DPO or KTO: `sft:<sha256>` of the SFT adapter, `champion:<sha256>`, or `none`"
    )
    round: Annotated[int, Field(ge=1)] = Field(description="the round that trained it")
    demonstrations: Count = Field(description="SFT rows seen")
    preference_pairs: Count = Field(description="DPO rows seen; 0 when there were too few to train on")
    rated_answers: Count = Field(default=0, description="KTO rows seen; 0 when DPO, or neither, was trained")
    train_tokens: Count = Field(description="tokens in the batches of all phases, padding left out")
    train_s: Seconds = Field(description="wall-clock seconds in all phases")
    train_energy_j: float | None = Field(
        default=None, ge=0.0, description="joules of the machine in all phases; None: not read, or not from the start"
    )
    mlflow_run_id: str = Field(description="the MLflow run with parameters, curves and the snapshot")
    losses: FileRef = Field(description="rows of LossPoint: the training curves")
    contexts: TrainedContexts | None = Field(default=None, description="passages in the prompts; None: there were none")
    replay: Replay | None = Field(default=None, description="rows of SFT that were repeated; None: none were")


class ModelVersion(Record):
    """One version of the registered model."""

    name: str = Field(description="registered model name in MLflow")
    version: Annotated[int, Field(ge=1)] = Field(description="MLflow's version number; 1 is the base model itself")
    base: BaseModelRef
    adapter: Adapter | None = Field(default=None, description="None: the base model as it is")

    @property
    def weights_sha256(self) -> str:
        """The hash that tells two versions' behaviour apart: the adapter's, or the base's without one."""
        return self.adapter.sha256 if self.adapter else self.base.sha256
