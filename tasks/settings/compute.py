"""Where the work runs: in this process, in processes on this machine, or on a Ray cluster."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.settings.section import Positive, Section
from tasks.settings.training import TrainSettings

Engine = Literal["local", "accelerate", "ray"]


class ComputeSettings(Section):
    """How many processes train together, what starts them, and where answers and judgements are worked out."""

    engine: Engine = Field(
        default="local",
        description="local: all in this process; accelerate: training in `workers` processes on this machine; ray: "
        "training, answering and judging on Ray",
    )
    workers: Positive = Field(default=1, description="processes that train together, a GPU each where there are some")
    fsdp: bool = Field(default=False, description="shard the model over the workers' GPUs; False: each has it whole")
    max_restarts: Annotated[int, Field(ge=0)] = Field(
        default=3, description="times that dead workers are started anew before the stage fails"
    )
    timeout_s: Annotated[float, Field(gt=0.0)] = Field(
        default=600.0, description="seconds that a worker waits for the others before it gives up"
    )
    ray_address: str | None = Field(
        default=None,
        min_length=1,
        description="of a running cluster, such as ray://head:10001; None: one of this machine",
    )
    shards: Positive = Field(default=1, description="parts in which prompts and comparisons go to Ray, at once")

    @model_validator(mode="after")
    def _engine_and_workers_agree(self) -> "ComputeSettings":
        if self.engine == "local" and self.workers > 1:
            raise ValueError(
                f"compute.workers: {self.workers} processes cannot train with `engine: local`; set `engine: "
                "accelerate` or `ray`, or 1 worker"
            )
        if self.fsdp and self.workers == 1:
            raise ValueError(
                "compute.fsdp: one worker has nobody to share the model with; set more `workers`, or false"
            )
        return self


def sharing_problem(train: TrainSettings, workers: int) -> str | None:
    """Why the workers cannot take the same steps as one, in a sentence without its full stop; None: they can.

    SFT and KTO share the rows of each batch, DPO shares whole batches; tasks/training/sharing.py says why.
    """
    shared = {"train.sft.batch_size": train.sft.batch_size}
    if train.preference == "dpo":
        shared["train.dpo.gradient_accumulation"] = train.dpo.gradient_accumulation
    else:
        shared["train.kto.batch_size"] = train.kto.batch_size
    for key, size in shared.items():
        if size % workers:
            return f"{key}: {size} cannot be shared by {workers} workers; make it a multiple of `compute.workers`"
    return None
