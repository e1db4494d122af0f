"""A stage runs once for the same inputs and settings, and a round stops after the stage it was to stop after."""

from pathlib import Path

import pytest

from flows.stages import RoundContext, RoundPaused, run_stage
from tasks.config import Config
from tasks.errors import HomeError
from tasks.home import Home
from tasks.records import BaseModelRef, Domain, FileRef, ModelVersion, Record, Snapshot, Stage
from tasks.rounds import Round, finished_stages

EMPTY = FileRef(sha256="e" * 64, rows=0)
BASE = BaseModelRef(id="tiny", path="/models/tiny", sha256="b" * 64)
DOMAIN = Domain(name="tiny", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=2, shared_families=0)
OPENED = Round(number=1, domain=DOMAIN, champion=ModelVersion(name="tiny", version=1, base=BASE))
SNAPSHOT = Snapshot(
    sha256="5" * 64, demonstrations=EMPTY, preference_pairs=EMPTY, rated_answers=EMPTY, parents=(), dropped={}
)


class ScriptedFlow:
    """A stage that returns a snapshot, or fails, and remembers how it was called."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[RoundContext, tuple[Record, ...]]] = []
        self.error = error

    def __call__(self, context: RoundContext, *inputs: Record) -> Snapshot:
        self.calls.append((context, inputs))
        if self.error:
            raise self.error
        return SNAPSHOT


@pytest.fixture
def config() -> Config:
    return Config.model_validate({"name": "tiny", "questions": "q.jsonl", "root": Path("/domain")})


@pytest.fixture
def context(config: Config, ratchet_home: Path) -> RoundContext:
    return RoundContext(config, Home(ratchet_home), OPENED, "promote")


def with_settings(context: RoundContext, until: Stage = "promote", **settings: object) -> RoundContext:
    config = Config.model_validate({**context.config.model_dump(), "root": context.config.root, **settings})
    return RoundContext(config, context.home, context.opened, until)


def test_a_stage_that_ran_is_not_run_again(context: RoundContext, capsys: pytest.CaptureFixture[str]) -> None:
    flow = ScriptedFlow()

    records = [run_stage("curate", Snapshot, flow, context, EMPTY) for _ in range(2)]

    assert records == [SNAPSHOT, SNAPSHOT]
    assert len(flow.calls) == 1
    assert capsys.readouterr().err == "round 1: curate\nround 1: curate was done before\n"


def test_a_stage_runs_again_for_other_inputs(context: RoundContext) -> None:
    flow = ScriptedFlow()

    run_stage("curate", Snapshot, flow, context, EMPTY)
    run_stage("curate", Snapshot, flow, context, FileRef(sha256="f" * 64, rows=1))

    assert [inputs[0].model_dump()["rows"] for _, inputs in flow.calls] == [0, 1]


def test_a_stage_runs_again_for_a_setting_it_reads_and_for_no_other(context: RoundContext) -> None:
    flow = ScriptedFlow()

    run_stage("curate", Snapshot, flow, context)
    run_stage("curate", Snapshot, flow, with_settings(context, train={"max_length": 7}))
    assert len(flow.calls) == 1
    run_stage("curate", Snapshot, flow, with_settings(context, curate={"pairs_per_question": 7}))
    assert len(flow.calls) == 2


def test_other_settings_work_in_another_folder_so_that_unfinished_work_never_mixes(context: RoundContext) -> None:
    flow = ScriptedFlow(HomeError("full"))

    for each in (context, context, with_settings(context, train={"max_length": 7})):
        with pytest.raises(HomeError):
            run_stage("train", Snapshot, flow, each)

    first, again, other = (called.work_folder for called, _ in flow.calls)
    assert first == again != other
    assert {folder.parent for folder in (first, other)} == {context.folder / "work"}


def test_a_stage_that_failed_left_no_record_and_runs_again(context: RoundContext) -> None:
    with pytest.raises(HomeError):
        run_stage("curate", Snapshot, ScriptedFlow(HomeError("full")), context)
    assert finished_stages(context.home, OPENED) == []

    assert run_stage("curate", Snapshot, ScriptedFlow(), context) == SNAPSHOT
    assert finished_stages(context.home, OPENED) == ["curate"]


@pytest.mark.parametrize("done_before", [False, True])
def test_a_round_pauses_after_the_stage_it_was_to_stop_after_with_its_record_kept(
    context: RoundContext, done_before: bool
) -> None:
    flow = ScriptedFlow()
    if done_before:
        run_stage("curate", Snapshot, flow, context)

    with pytest.raises(RoundPaused):
        run_stage("curate", Snapshot, flow, with_settings(context, until="curate"))

    assert len(flow.calls) == 1
    assert finished_stages(context.home, OPENED) == ["curate"]


def test_a_round_does_not_pause_after_another_stage_nor_after_its_last(context: RoundContext) -> None:
    assert run_stage("collect", Snapshot, ScriptedFlow(), with_settings(context, until="curate")) == SNAPSHOT
    assert run_stage("promote", Snapshot, ScriptedFlow(), context) == SNAPSHOT
