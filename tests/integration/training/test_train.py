"""The train stage as a whole: which phases run, and what the adapter says of itself."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tasks.config import Config
from tasks.errors import DomainError
from tasks.files import read_rows, sha256_of_directory
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import Adapter, BaseModelRef, Demonstration, FileRef, LossPoint, ModelVersion, PreferencePair
from tasks.settings.training import TrainSettings
from tasks.snapshots import write_snapshot
from tasks.training.adapters import ADAPTER_FILES, keep_adapter
from tasks.training.train import TrainingRun, train_adapter


class Stage:
    """The train stage with everything but the rows filled in."""

    def __init__(self, home: Home, base: BaseModelRef, settings: TrainSettings, folder: Path) -> None:
        self.home = home
        self.base = base
        self.config = Config(name="demo", questions="q.jsonl", train=settings, root=folder)
        self.champion = ModelVersion(name="demo", version=1, base=base)
        self.champion_folder: Path | None = None
        self.folder = folder / "work"
        self.curve: list[tuple[str, int]] = []

    def start_from(self, adapter: Path) -> str:
        """Makes this adapter the champion's, and returns its sha256."""
        sha256 = keep_adapter(self.home, adapter)
        self.champion_folder = self.home.adapters / sha256
        trained = Adapter(
            sha256=sha256,
            base=self.base,
            snapshot_sha256="c" * 64,
            dpo_reference="none",
            round=1,
            demonstrations=24,
            preference_pairs=0,
            train_tokens=1,
            train_s=1.0,
            mlflow_run_id="first",
            losses=FileRef(sha256="5" * 64, rows=0),
        )
        self.champion = ModelVersion(name="demo", version=2, base=self.base, adapter=trained)
        return sha256

    def train(self, demonstrations: Sequence[Demonstration], pairs: Sequence[PreferencePair]) -> Adapter:
        snapshot = write_snapshot(self.home.snapshots, demonstrations, pairs, parents=[], dropped={})
        run = TrainingRun(self.folder, "run", lambda phase, step, metrics: self.curve.append((phase, step)))
        hardware = Hardware("cpu", "float32", 1)
        return train_adapter(self.config, self.home, self.champion, self.champion_folder, snapshot, 2, hardware, run)


@pytest.fixture
def stage(ratchet_home: Path, base: BaseModelRef, settings: TrainSettings, tmp_path: Path) -> Stage:
    return Stage(Home(ratchet_home), base, settings, tmp_path)


def test_sft_and_dpo_run_in_turn_and_the_adapter_says_what_it_is_made_of(
    stage: Stage, demonstrations: list[Demonstration], pairs: list[PreferencePair]
) -> None:
    adapter = stage.train(demonstrations, pairs)
    sft = sha256_of_directory(stage.folder / "sft" / "adapter", ADAPTER_FILES)
    assert adapter.dpo_reference == f"sft:{sft}"
    assert adapter.sha256 == sha256_of_directory(stage.folder / "dpo" / "adapter", ADAPTER_FILES) != sft
    assert adapter.sha256 == sha256_of_directory(stage.home.adapters / adapter.sha256)
    assert (adapter.demonstrations, adapter.preference_pairs, adapter.round) == (24, 24, 2)
    assert adapter.parent_sha256 is None
    assert adapter.train_tokens > 0 and adapter.train_s > 0
    points = read_rows(stage.home.objects, adapter.losses, LossPoint)
    steps = [(phase, step) for phase in ("sft", "dpo") for step in range(1, 7)]
    assert [(point.phase, point.step) for point in points] == stage.curve == steps


def test_the_stage_run_again_gives_the_same_adapter_without_training(
    stage: Stage, demonstrations: list[Demonstration], pairs: list[PreferencePair]
) -> None:
    first = stage.train(demonstrations, pairs)
    stage.curve.clear()
    assert stage.train(demonstrations, pairs) == first
    assert stage.curve == []


def test_too_few_pairs_leave_dpo_out(
    stage: Stage,
    demonstrations: list[Demonstration],
    pairs: list[PreferencePair],
    capsys: pytest.CaptureFixture[str],
) -> None:
    adapter = stage.train(demonstrations, pairs[:7])
    assert (adapter.demonstrations, adapter.preference_pairs, adapter.dpo_reference) == (24, 0, "none")
    assert "train: 7 preference pairs, 8 needed, so DPO is left out\n" in capsys.readouterr().err


def test_without_demonstrations_dpo_starts_from_the_champion(
    stage: Stage, pairs: list[PreferencePair], sft_adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = stage.start_from(sft_adapter)
    adapter = stage.train([], pairs)
    assert (adapter.demonstrations, adapter.preference_pairs) == (0, 24)
    assert (adapter.dpo_reference, adapter.parent_sha256) == (f"champion:{champion}", champion)
    assert "train: no demonstrations, so SFT is left out\n" in capsys.readouterr().err


def test_with_demonstrations_the_reference_is_the_new_sft_adapter_and_the_parent_the_champions(
    stage: Stage, demonstrations: list[Demonstration], pairs: list[PreferencePair], sft_adapter: Path
) -> None:
    champion = stage.start_from(sft_adapter)
    adapter = stage.train(demonstrations, pairs)
    sft = sha256_of_directory(stage.folder / "sft" / "adapter", ADAPTER_FILES)
    assert adapter.dpo_reference == f"sft:{sft}"
    assert adapter.parent_sha256 == champion != sft


@pytest.mark.parametrize(
    ("demonstrations_used", "pairs_used", "with_champion", "said"),
    [
        (0, 0, False, "train: no adapter for DPO to start from, so 0 preference pairs are left out\n"),
        (0, 24, False, "train: no adapter for DPO to start from, so 24 preference pairs are left out\n"),
        (0, 7, True, "train: 7 preference pairs, 8 needed, so DPO is left out\n"),
    ],
    ids=["nothing", "pairs and no adapter", "too few pairs for the champion"],
)
def test_with_too_little_for_either_phase_there_is_no_adapter(
    demonstrations_used: int,
    pairs_used: int,
    with_champion: bool,
    said: str,
    stage: Stage,
    pairs: list[PreferencePair],
    sft_adapter: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if with_champion:
        stage.start_from(sft_adapter)
    with pytest.raises(DomainError) as error:
        stage.train([], pairs[:pairs_used])
    assert re.fullmatch(
        rf"Snapshot [0-9a-f]{{12}} has {demonstrations_used} demonstrations and {pairs_used} preference pairs, too few "
        "to train on: add train questions with an `answer`, or collect more feedback.",
        str(error.value),
    )
    assert capsys.readouterr().err.endswith(said)


def test_overlong_rows_are_said(
    stage: Stage,
    demonstrations: list[Demonstration],
    settings_with: Callable[..., TrainSettings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = demonstrations[0].model_copy(update={"id": "f" * 64, "completion": "the " * 300})
    adapter = stage.train([*demonstrations, long], [])
    assert adapter.demonstrations == 24
    said = "train: 1 rows longer than train.max_length=256 tokens were left out\n"
    assert capsys.readouterr().err.endswith(said)
