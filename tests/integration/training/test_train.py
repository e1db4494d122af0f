"""The train stage as a whole: which phases run, and what the adapter says of itself."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from example_snapshots import write_snapshot

from tasks.config import Config
from tasks.errors import DomainError
from tasks.files import read_rows, sha256_of_directory
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import (
    Adapter,
    BaseModelRef,
    Demonstration,
    FileRef,
    LossPoint,
    ModelVersion,
    PreferencePair,
    RatedAnswer,
    Replay,
)
from tasks.settings.training import TrainSettings
from tasks.training.adapters import ADAPTER_FILES, keep_adapter
from tasks.training.replay import ReplayPlan
from tasks.training.train import RowPlans, TrainingRun, train_adapter


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

    def prefer_by_kto(self) -> None:
        train = self.config.train.model_copy(update={"preference": "kto"})
        self.config = self.config.model_copy(update={"train": train})

    def train(
        self,
        demonstrations: Sequence[Demonstration],
        pairs: Sequence[PreferencePair],
        rated: Sequence[RatedAnswer] = (),
        replay: ReplayPlan | None = None,
    ) -> Adapter:
        snapshot = write_snapshot(self.home.snapshots, demonstrations, pairs, rated)
        run = TrainingRun(
            self.folder, "run", lambda phase, step, metrics: self.curve.append((phase, step)), RowPlans(replay=replay)
        )
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


def test_rows_that_are_replayed_are_trained_on_more_often_and_the_adapter_says_why(
    stage: Stage, demonstrations: list[Demonstration]
) -> None:
    rows = tuple(row.id for row in demonstrations[:8])
    replay = Replay(share=0.25, skill="unit=m", loss=0.8, drawn_from="skill", repeats=8)
    adapter = stage.train(demonstrations, [], replay=ReplayPlan(rows, replay))
    assert (adapter.demonstrations, adapter.replay) == (32, replay)
    # Two epochs of four batches of eight, where there were three.
    assert stage.curve[-1] == ("sft", 8)


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
        rf"Snapshot [0-9a-f]{{12}} has {demonstrations_used} demonstrations, {pairs_used} preference pairs and 0 rated "
        "answers, too few to train on: add train questions with an `answer`, or collect more feedback.",
        str(error.value),
    )
    assert capsys.readouterr().err.endswith(said)


def test_kto_learns_from_rated_answers_and_both_sides_of_pairs_each_once(
    stage: Stage,
    demonstrations: list[Demonstration],
    pairs: list[PreferencePair],
    rated: list[RatedAnswer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage.prefer_by_kto()
    # The good rated answers are the chosen ones of the pairs, and the bad ones the rejected; two are contradicted.
    contradicting = [row.model_copy(update={"id": f"{row.id[::-1]}", "desirable": False}) for row in rated[:2]]
    adapter = stage.train(demonstrations, pairs, [*rated, *contradicting])
    sft = sha256_of_directory(stage.folder / "sft" / "adapter", ADAPTER_FILES)
    assert adapter.dpo_reference == f"sft:{sft}"
    assert adapter.sha256 == sha256_of_directory(stage.folder / "kto" / "adapter", ADAPTER_FILES) != sft
    assert (adapter.demonstrations, adapter.preference_pairs, adapter.rated_answers) == (24, 0, 46)
    assert "train: 2 answers were found good and bad, and are left out\n" in capsys.readouterr().err
    points = read_rows(stage.home.objects, adapter.losses, LossPoint)
    steps = [("sft", step) for step in range(1, 7)] + [("kto", step) for step in range(1, 13)]
    assert [(point.phase, point.step) for point in points] == stage.curve == steps


def test_kto_goes_on_from_a_champion_without_demonstrations(
    stage: Stage, rated: list[RatedAnswer], sft_adapter: Path
) -> None:
    stage.prefer_by_kto()
    champion = stage.start_from(sft_adapter)
    adapter = stage.train([], [], rated)
    assert (adapter.demonstrations, adapter.preference_pairs, adapter.rated_answers) == (0, 0, 24)
    assert (adapter.dpo_reference, adapter.parent_sha256) == (f"champion:{champion}", champion)


def test_dpo_leaves_rated_answers_aside(
    stage: Stage, demonstrations: list[Demonstration], pairs: list[PreferencePair], rated: list[RatedAnswer]
) -> None:
    assert stage.train(demonstrations, pairs, rated).sha256 == stage.train(demonstrations, pairs).sha256


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (slice(0, 15), "train: 15 single answers, 10 of them good, 16 of both kinds needed, so KTO is left out\n"),
        (slice(0, 0), "train: 0 single answers, 0 of them good, 16 of both kinds needed, so KTO is left out\n"),
        (None, "train: 20 single answers, 20 of them good, 16 of both kinds needed, so KTO is left out\n"),
    ],
    ids=["too few", "none", "of one kind"],
)
def test_too_little_to_prefer_leaves_kto_out(
    used: slice | None,
    said: str,
    stage: Stage,
    demonstrations: list[Demonstration],
    rated: list[RatedAnswer],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage.prefer_by_kto()
    all_good = [row.model_copy(update={"desirable": True}) for row in rated[:20]]
    adapter = stage.train(demonstrations, [], all_good if used is None else rated[used])
    assert (adapter.demonstrations, adapter.rated_answers, adapter.dpo_reference) == (24, 0, "none")
    assert said in capsys.readouterr().err


def test_without_an_adapter_to_start_from_kto_is_left_out(
    stage: Stage, rated: list[RatedAnswer], capsys: pytest.CaptureFixture[str]
) -> None:
    stage.prefer_by_kto()
    with pytest.raises(DomainError, match="has 0 demonstrations, 0 preference pairs and 24 rated answers, too few"):
        stage.train([], [], rated)
    said = "train: no adapter for KTO to start from, so 24 single answers, 15 of them good, are left out\n"
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
