"""The train stage: SFT, then DPO, from the champion's adapter when there is one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tasks.config import Config
from tasks.errors import DomainError
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import Adapter, LossPoint, ModelVersion, Snapshot
from tasks.snapshots import read_demonstrations, read_preference_pairs
from tasks.training.adapters import keep_adapter
from tasks.training.dpo import run_dpo
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult
from tasks.training.sft import run_sft

Phase = Literal["sft", "dpo"]


@dataclass(frozen=True)
class TrainingRun:
    """Where a training works and reports to.

    Attributes:
        folder: checkpoints and adapters of the phases; a killed training goes on from here.
        mlflow_run_id: the run that the adapter will name.
        on_loss: gets the curve of a phase, point by point: (phase, step, metrics).
    """

    folder: Path
    mlflow_run_id: str
    on_loss: Callable[[str, int, dict[str, float]], None]

    def curve(self, phase: str) -> OnLoss:
        """The listener for one phase's losses."""
        return lambda step, metrics: self.on_loss(phase, step, metrics)


def train_adapter(
    config: Config,
    home: Home,
    champion: ModelVersion,
    champion_folder: Path | None,
    snapshot: Snapshot,
    round_number: int,
    hardware: Hardware,
    run: TrainingRun,
) -> Adapter:
    """The adapter trained on the snapshot, kept below `home.adapters`, with what it was made of.

    A snapshot without demonstrations skips SFT, one with fewer than `train.dpo.min_pairs` pairs skips DPO;
    both are said. DPO's reference is the adapter that it starts from.

    Raises:
        DomainError: when neither phase has enough to train on.
        IntegrityError: when the snapshot was altered.
        ModelError: when base or adapter cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    settings = config.train
    demonstrations = read_demonstrations(home.snapshots, snapshot)
    pairs = read_preference_pairs(home.snapshots, snapshot)
    start, sft, dpo = champion_folder, None, None
    reference = "none"
    if demonstrations:
        folder = PhaseFolder(run.folder / "sft")
        sft = run_sft(champion.base, start, demonstrations, settings, hardware, config.seed, folder, run.curve("sft"))
        start, reference = folder.adapter, f"sft:{sft.adapter_sha256}"
    else:
        say("train: no demonstrations, so SFT is left out")
    if len(pairs) >= settings.dpo.min_pairs and start is not None:
        folder = PhaseFolder(run.folder / "dpo")
        if sft is None and champion.adapter is not None:
            reference = f"champion:{champion.adapter.sha256}"
        dpo = run_dpo(champion.base, start, pairs, settings, hardware, config.seed, folder, run.curve("dpo"))
        start = folder.adapter
    elif start is None:
        say(f"train: no adapter for DPO to start from, so {len(pairs)} preference pairs are left out")
    else:
        reference = "none"
        say(f"train: {len(pairs)} preference pairs, {settings.dpo.min_pairs} needed, so DPO is left out")
    phases = [phase for phase in (sft, dpo) if phase is not None]
    if start is None or not phases:
        raise DomainError(
            f"Snapshot {snapshot.sha256[:12]} has {len(demonstrations)} demonstrations and {len(pairs)} preference "
            "pairs, too few to train on: add train questions with an `answer`, or collect more feedback."
        )
    _say_overlong(phases, settings.max_length)
    return Adapter(
        sha256=keep_adapter(home, start),
        base=champion.base,
        snapshot_sha256=snapshot.sha256,
        parent_sha256=champion.adapter.sha256 if champion.adapter else None,
        dpo_reference=reference,
        round=round_number,
        demonstrations=sft.rows if sft else 0,
        preference_pairs=dpo.rows if dpo else 0,
        train_tokens=sum(phase.train_tokens for phase in phases),
        train_s=sum(phase.train_s for phase in phases),
        mlflow_run_id=run.mlflow_run_id,
        losses=write_rows(home.objects, _loss_points({"sft": sft, "dpo": dpo})),
    )


def _loss_points(phases: dict[Phase, PhaseResult | None]) -> list[LossPoint]:
    finished = {name: phase for name, phase in phases.items() if phase is not None}
    return [
        LossPoint(phase=name, step=step, loss=loss) for name, phase in finished.items() for step, loss in phase.losses
    ]


def _say_overlong(phases: list[PhaseResult], max_length: int) -> None:
    overlong = sum(phase.overlong for phase in phases)
    if overlong:
        say(f"train: {overlong} rows longer than train.max_length={max_length} tokens were left out")
