"""What curation keeps for the next time: no more than is needed, used where nothing new was said, and never trusted."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_curation import from_scratch, grown, result
from example_domain import World
from example_records import judgement, question

from tasks.curation import curate as curate_module
from tasks.curation.incremental import index
from tasks.feedback import log
from tasks.feedback.withdrawals import Withdrawn
from tasks.home import Home

REPOSITORY = Path(__file__).parents[3]

pytestmark = pytest.mark.usefixtures("small_files")


@pytest.mark.parametrize(
    ("module", "moment"),
    [
        ("curate", "choose_rows"),
        ("curate", "write_shards"),
        ("curate", "write_index"),
        ("incremental.index", "write_atomically"),
        ("incremental.runs", "write_run"),
    ],
)
def test_a_process_killed_at_any_moment_harms_nothing(tmp_path: Path, module: str, moment: str) -> None:
    home = Home(tmp_path)
    world = grown(home)
    script = f"""
import importlib, os, signal
from pathlib import Path
from example_curation import result
from example_domain import World
from example_records import candidate, question
module = importlib.import_module("tasks.curation.{module}")
from tasks.home import Home
home = Home(Path({str(home.root)!r}))
module.{moment} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
questions = [question(f"q{{n}}") for n in range(6)]
candidates = [candidate(text, f"q{{n}}") for n in range(6) for text in "xy"]
result(home, World(questions, candidates, []))
"""
    paths = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": paths}, timeout=120, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert result(home, world) == from_scratch(home, world)


def count_built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the questions whose rows are made anew, as they are."""
    built: list[str] = []
    real = curate_module.layered.build_layers

    def counting(*arguments: object) -> object:
        built.extend(sorted(arguments[-1]))  # type: ignore[call-overload]
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(curate_module.layered, "build_layers", counting)
    return built


@pytest.mark.parametrize(
    ("change", "built"),
    [
        (lambda home, world: None, []),
        (lambda home, world: log.append(home, "d", [judgement(annotator="bob", name="q2")]), ["q2"]),
        (lambda home, world: world.questions.append(question("q7")), ["q7"]),
        (lambda home, world: world.questions.append(question("q7", text="What is q1?")), ["q1", "q7"]),
        (lambda home, world: world.questions.pop(0), ["q0"]),
    ],
    ids=["nothing", "a judgement", "a question", "a question asked twice", "a question gone"],
)
def test_only_what_something_new_was_said_of_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Home, World], object], built: list[str]
) -> None:
    home = Home(tmp_path)
    world = grown(home)
    result(home, world)
    looked_at = count_built(monkeypatch)
    change(home, world)
    result(home, world)
    assert looked_at == built


def test_untouched_shards_are_the_same_files(tmp_path: Path) -> None:
    home = Home(tmp_path)
    world = grown(home)
    result(home, world)
    first, second = sorted(home.snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime)
    before, now = ({path.name: path.stat().st_ino for path in folder.glob("*.jsonl")} for folder in (first, second))
    # Demonstrations and pairs of at least three of the four questions of which nothing new was said; of six questions
    # some share a shard.
    assert sum(before.get(name) == inode for name, inode in now.items()) >= 6
    assert before.keys() != now.keys()


@pytest.mark.parametrize("damage", ["altered", "deleted"])
def test_a_shard_of_the_earlier_snapshot_that_is_damaged_is_written_anew(tmp_path: Path, damage: str) -> None:
    home = Home(tmp_path)
    world = grown(home)
    (earlier,) = home.snapshots.iterdir()
    for path in earlier.glob("*.jsonl"):
        path.unlink() if damage == "deleted" else path.write_bytes(path.read_bytes() + b"\n")
    assert result(home, world) == from_scratch(home, world)


def test_nothing_is_kept_that_is_not_needed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    world = grown(home)
    result(home, world)
    folder = index.index_folder(home, "d")
    (folder / ".run.old.tmp").write_bytes(b"left by a process that was killed")
    result(home, world)
    named = {f"{file.sha256}.parquet" for file in index.read_index(folder).files}
    assert {path.name for path in folder.glob("*.parquet")} == named
    assert list(folder.glob("*.tmp")) == []


def test_a_withdrawn_judgement_is_gone_and_comes_back_when_it_is_restored(tmp_path: Path) -> None:
    home = Home(tmp_path)
    world = grown(home)
    row = judgement(annotator="ann", name="q4")
    before = result(home, world)
    shutil.rmtree(home.snapshots)
    without = result(home, world, withdrawn=Withdrawn(feedback=(row.id,)))
    assert row.id not in json.dumps([path.read_text() for path in newest(home).glob("*.jsonl")])
    assert without["dropped"]["judgements_withdrawn"] == 1  # type: ignore[index]
    shutil.rmtree(home.snapshots)
    assert without != before == result(home, world)


def newest(home: Home) -> Path:
    return max(home.snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime)
