"""The train stage: SFT, then DPO or KTO, from the adapter of the version it starts from when that has one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.config import Config
from tasks.errors import DomainError
from tasks.files import write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.progress import say
from tasks.records import Adapter, BaseModelRef, ContextPlan, LossPoint, ModelVersion, Snapshot
from tasks.training.adapters import keep_adapter
from tasks.training.context_rows import Given, count_contexts, read_given
from tasks.training.jobs import Phase, PhaseJob, train_phase
from tasks.training.phases import OnLoss, PhaseFolder, PhaseResult, energy_of
from tasks.training.replay import ReplayPlan, with_repeats
from tasks.training.rows import AnyRow, TrainingRows, read_training_rows


@dataclass(frozen=True)
class RowPlans:
    """What becomes of the snapshot's rows before they are trained on.

    Attributes:
        contexts: the passages that the rows have in their prompts; None: none has any.
        replay: the demonstrations that are repeated; None: none is.
    """

    contexts: ContextPlan | None = None
    replay: ReplayPlan | None = None


@dataclass(frozen=True)
class TrainingRun:
    """Where a training works and reports to.

    Attributes:
        folder: checkpoints and adapters of the phases; a killed training goes on from here.
        mlflow_run_id: the run that the adapter will name.
        on_loss: gets the curve of a phase, point by point: (phase, step, metrics).
        plans: what becomes of the rows that it trains on.
    """

    folder: Path
    mlflow_run_id: str
    on_loss: Callable[[str, int, dict[str, float]], None]
    plans: RowPlans = RowPlans()

    def curve(self, phase: str) -> OnLoss:
        """The listener for one phase's losses."""
        return lambda step, metrics: self.on_loss(phase, step, metrics)


def train_adapter(
    config: Config,
    home: Home,
    start: ModelVersion,
    start_folder: Path | None,
    snapshot: Snapshot,
    round_number: int,
    hardware: Hardware,
    run: TrainingRun,
) -> Adapter:
    """The adapter trained on the snapshot, kept below `home.adapters`, with what it was made of.

    A snapshot without demonstrations skips SFT, one with too little to prefer skips DPO or KTO, whichever
    `train.preference` names; both are said. The reference of either is the adapter that it starts from.

    Args:
        start: the version from which the training goes on: the champion, or one before it.
        start_folder: that version's adapter; None when it is the base model.

    Raises:
        DomainError: when neither phase has enough to train on.
        IntegrityError: when the snapshot was altered.
        ModelError: when base or adapter cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    settings, preference = config.train, config.train.preference
    rows, given = read_training_rows(config, home, snapshot), read_given(config, home, run.plans.contexts)
    latest, phases = start_folder, dict[Phase, PhaseResult]()
    reference = f"champion:{start.adapter.sha256}" if start.adapter else "none"
    if rows.demonstrations:
        demonstrations = given.to(with_repeats(rows.demonstrations, run.plans.replay))
        folder, curve = PhaseFolder(run.folder / "sft"), run.curve("sft")
        phases["sft"] = train_phase(_job(config, "sft", start.base, latest, folder), demonstrations, hardware, curve)
        latest, reference = folder.adapter, f"sft:{phases['sft'].adapter_sha256}"
    else:
        say("train: no demonstrations, so SFT is left out")
    if (result := _prefer(config, start.base, latest, rows, given, hardware, run)) is not None:
        phases[preference], latest = result, PhaseFolder(run.folder / preference).adapter
    if latest is None or not phases:
        raise DomainError(
            f"Snapshot {snapshot.sha256[:12]} has {snapshot.demonstrations.rows} demonstrations, "
            f"{snapshot.preference_pairs.rows} preference pairs and {snapshot.rated_answers.rows} rated answers, too "
            "few to train on: add train questions with an `answer`, or collect more feedback."
        )
    _say_overlong(phases.values(), settings.max_length)
    return Adapter(
        sha256=keep_adapter(home, latest),
        base=start.base,
        snapshot_sha256=snapshot.sha256,
        parent_sha256=start.adapter.sha256 if start.adapter else None,
        dpo_reference=reference if preference in phases else "none",
        round=round_number,
        demonstrations=_rows(phases, "sft"),
        preference_pairs=_rows(phases, "dpo"),
        rated_answers=_rows(phases, "kto"),
        train_tokens=sum(phase.train_tokens for phase in phases.values()),
        train_s=sum(phase.train_s for phase in phases.values()),
        train_energy_j=energy_of(phases.values()),
        mlflow_run_id=run.mlflow_run_id,
        losses=write_rows(home.objects, _loss_points(phases)),
        contexts=count_contexts(run.plans.contexts, given, _trained(rows, phases), settings.max_length),
        replay=run.plans.replay.replay if run.plans.replay else None,
    )


def _prefer(
    config: Config,
    base: BaseModelRef,
    start_folder: Path | None,
    rows: TrainingRows,
    given: Given,
    hardware: Hardware,
    run: TrainingRun,
) -> PhaseResult | None:
    """What DPO or KTO leaves behind; None, which is said, when there is too little to train on."""
    settings, name = config.train, config.train.preference
    folder, curve = PhaseFolder(run.folder / name), run.curve(name)
    if name == "dpo":
        said = f"{len(rows.pairs)} preference pairs"
        if start_folder is None:
            say(f"train: no adapter for DPO to start from, so {said} are left out")
            return None
        if len(rows.pairs) < settings.dpo.min_pairs:
            say(f"train: {said}, {settings.dpo.min_pairs} needed, so DPO is left out")
            return None
        pairs = given.to(rows.pairs)
        return train_phase(_job(config, "dpo", base, start_folder, folder), pairs, hardware, curve)
    answers = given.to(rows.answers)
    said = f"{len(answers)} single answers, {sum(answer.desirable for answer in answers)} of them good"
    if rows.contradictory:
        say(f"train: {rows.contradictory} answers were found good and bad, and are left out")
    if start_folder is None:
        say(f"train: no adapter for KTO to start from, so {said}, are left out")
        return None
    if len(answers) < settings.kto.min_rows or len({answer.desirable for answer in answers}) < 2:
        say(f"train: {said}, {settings.kto.min_rows} of both kinds needed, so KTO is left out")
        return None
    return train_phase(_job(config, "kto", base, start_folder, folder), answers, hardware, curve)


def _job(config: Config, phase: Phase, base: BaseModelRef, start_folder: Path | None, folder: PhaseFolder) -> PhaseJob:
    return PhaseJob(
        phase=phase,
        base=base,
        adapter_folder=start_folder,
        settings=config.train,
        compute=config.compute,
        seed=config.seed,
        folder=folder.root,
    )


def _rows(phases: Mapping[Phase, PhaseResult], name: Phase) -> int:
    return phases[name].rows if name in phases else 0


def _trained(rows: TrainingRows, phases: Iterable[Phase]) -> Iterator[str]:
    """The ids of the rows that the phases were given."""
    by_phase: dict[Phase, Sequence[AnyRow]] = {"sft": rows.demonstrations, "dpo": rows.pairs, "kto": rows.answers}
    return (row.id for phase in phases for row in by_phase[phase])


def _loss_points(phases: Mapping[Phase, PhaseResult]) -> list[LossPoint]:
    return [LossPoint(phase=name, step=step, loss=loss) for name in phases for step, loss in phases[name].losses]


def _say_overlong(phases: Iterable[PhaseResult], max_length: int) -> None:
    overlong = sum(phase.overlong for phase in phases)
    if overlong:
        say(f"train: {overlong} rows longer than train.max_length={max_length} tokens were left out")
