"""What curation kept from before changes nothing but the time that it takes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from example_domain import World, worlds
from example_records import candidate, judgement, question
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks import snapshots
from tasks.config import Config
from tasks.curation import curate as curate_module
from tasks.curation.curate import curate
from tasks.curation.incremental import index, ingest, layers
from tasks.curation.incremental.digests import log_sha256
from tasks.errors import DomainError
from tasks.feedback import log
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Feedback
from tasks.settings.curation import CurateSettings
from tasks.snapshots import read_manifest, read_snapshot

REPOSITORY = Path(__file__).parents[3]
CONFIG = Config.model_validate(
    {
        "name": "d",
        "questions": "q.jsonl",
        "root": Path("/"),
        "curate": {"weights": {}, "annotators": {"max_share": 0.7, "min_comparisons": 2, "min_agreement": 0.9}},
    }
)
NARROW = CONFIG.model_copy(update={"curate": CONFIG.curate.model_copy(update={"pairs_per_question": 1})})


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes at which a handful of questions has many shards, parts, runs and layers, and they are merged."""
    monkeypatch.setattr(snapshots, "_QUESTIONS_IN_ONE", 1)
    monkeypatch.setattr(snapshots, "_QUESTIONS_PER_SHARD", 1)
    monkeypatch.setattr(layers, "_ROWS_AT_ONCE", 8)
    monkeypatch.setattr(layers, "_SMALL_SHARE", 1.1)
    monkeypatch.setattr(layers, "_SMALL_LAYERS", 2)
    monkeypatch.setattr(index, "_SMALL_RUNS", 1)
    monkeypatch.setattr(index, "_SMALL_SHARE", 1.1)
    monkeypatch.setattr(ingest, "_RUN_ROWS", 2)


def result(home: Home, world: World, config: Config = CONFIG, withdrawn: Withdrawn = NOTHING) -> dict[str, object]:
    """All that a snapshot says: its shards, what was left out, and the data card; or why there is none."""
    asked, sampled = write_rows(home.objects, world.questions), write_rows(home.objects, world.candidates)
    known = set(home.snapshots.glob("*"))
    try:
        snapshot = curate(home, "d", [asked], [sampled], config, withdrawn=withdrawn)
    except DomainError as error:
        return {"error": str(error)}
    _, shards = read_manifest(home.snapshots, snapshot.sha256)
    assert read_snapshot(home.snapshots, snapshot.sha256) == snapshot
    rows = {"name": snapshot.sha256, "shards": shards}
    if home.snapshots / snapshot.sha256 in known:  # as it was first written, whatever else was left out now
        return rows
    manifest = json.loads((home.snapshots / snapshot.sha256 / "manifest.json").read_text())
    return {**rows, "dropped": snapshot.dropped, "card": manifest["card"]}


def from_scratch(
    home: Home, world: World, config: Config = CONFIG, withdrawn: Withdrawn = NOTHING
) -> dict[str, object]:
    """The same in a home that has curated nothing yet."""
    with tempfile.TemporaryDirectory() as folder:
        other = Home(Path(folder))
        for name in ("objects", "feedback"):
            (home.root / name).mkdir(parents=True, exist_ok=True)
            (other.root / name).symlink_to(home.root / name)
        return result(other, world, config, withdrawn)


changes = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 5)),
    st.tuples(st.just("withdraw"), st.sampled_from(["ann", "bob", "u"])),
    st.tuples(st.just("withdraw"), st.integers(0, 11)),
    st.tuples(st.just("answer"), st.sampled_from([None, "alpha", "new"])),
    st.tuples(st.just("ask"), st.sampled_from(["What is 0?", "What is new?"])),
    st.tuples(st.just("forget"), st.integers(0, 3)),
    st.tuples(st.just("split"), st.sampled_from(["train", "test"])),
    st.tuples(st.just("sample"), st.integers(0, 8)),
    st.tuples(st.just("settings"), st.booleans()),
    st.tuples(st.just("damage"), st.integers(0, 20)),
    st.tuples(st.just("lose a snapshot"), st.integers(0, 9)),
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(worlds(ratings=True), st.lists(changes, min_size=1, max_size=6))
def test_whatever_happens_between_two_rounds_the_result_is_that_of_starting_anew(
    world: World, steps: list[tuple[str, object]]
) -> None:
    waiting, config, withdrawn = list(world.feedback), CONFIG, NOTHING
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        log.append(home, "d", [waiting.pop() for _ in range(len(waiting) // 2)])
        if leaky(world):
            return
        assert result(home, world) == from_scratch(home, world)
        for what, how in steps:
            if what == "say" and isinstance(how, int):
                log.append(home, "d", [waiting.pop() for _ in range(min(how, len(waiting)))])
            elif what == "settings":
                config = NARROW if how else CONFIG
            elif what == "withdraw":
                withdrawn = toggled(withdrawn, world.feedback, how)
            elif what == "damage" and isinstance(how, int):
                damage(home, how)
            elif what == "lose a snapshot":
                shutil.rmtree(home.snapshots, ignore_errors=True)
            else:
                world = changed(world, what, how)
            assert log_sha256(home, "d", left_out=withdrawn) == log_sha256(uncurated(home), "d", left_out=withdrawn)
            if not leaky(world):
                expected = from_scratch(home, world, config, withdrawn)
                assert result(home, world, config, withdrawn).items() <= expected.items()


def uncurated(home: Home) -> Home:
    """The same log in a home that has no index."""
    other = Home(home.root / "uncurated")
    if not other.root.exists():
        other.root.mkdir()
        (other.root / "feedback").symlink_to(home.root / "feedback")
    return other


def leaky(world: World) -> bool:
    """Whether a test question is asked in training, too, which curation refuses."""
    asked = {each.split: set[str]() for each in world.questions}
    for each in world.questions:
        asked[each.split].add(each.question)
    return bool(asked.get("train", set()) & asked.get("test", set()))


def toggled(withdrawn: Withdrawn, feedback: list[Feedback], whose: object) -> Withdrawn:
    if isinstance(whose, str):
        return withdrawn.model_copy(update={"annotators": tuple(sorted({*withdrawn.annotators} ^ {whose}))})
    if not isinstance(whose, int) or whose >= len(feedback):
        return withdrawn
    return withdrawn.model_copy(update={"feedback": tuple(sorted({*withdrawn.feedback} ^ {feedback[whose].id}))})


def changed(world: World, what: str, how: object) -> World:
    questions = list(world.questions)
    if what == "answer" and questions:
        questions[0] = questions[0].model_copy(update={"answer": how})
    elif what == "split" and questions:
        questions[-1] = questions[-1].model_copy(update={"split": how})
    elif what == "ask":
        questions.append(question(f"more {len(questions)}", "yes", text=str(how)))
    elif what == "forget" and isinstance(how, int):
        questions = questions[:how] + questions[how + 1 :]
    elif what == "sample" and isinstance(how, int):
        return world._replace(candidates=world.candidates[how:])
    return world._replace(questions=questions)


def damage(home: Home, number: int) -> None:
    """Cuts a byte off one of the files that were kept, or deletes it."""
    folder = index.index_folder(home, "d")
    kept = sorted([*folder.glob("*.json"), *folder.glob("*.parquet")])
    if kept:
        path = kept[number % len(kept)]
        path.unlink() if number % 2 else path.write_bytes(path.read_bytes()[:-1])


def grown(home: Home) -> World:
    """A world in the home's log, curated once, and then some more said."""
    world = World(
        [question(f"q{n}") for n in range(6)], [candidate(text, f"q{n}") for n in range(6) for text in "xy"], []
    )
    log.append(home, "d", [judgement(name=f"q{n}") for n in range(6)])
    result(home, world)
    log.append(home, "d", [judgement("y", "x", by="judge:j", name="q3"), judgement(annotator="ann", name="q4")])
    return world


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
import importlib, importlib.util, os, signal
from pathlib import Path
spec = importlib.util.spec_from_file_location("here", {str(Path(__file__))!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
module = importlib.import_module("tasks.curation.{module}")
from tasks.home import Home
home = Home(Path({str(home.root)!r}))
module.{moment} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
questions = [here.question(f"q{{n}}") for n in range(6)]
candidates = [here.candidate(text, f"q{{n}}") for n in range(6) for text in "xy"]
here.result(home, here.World(questions, candidates, []))
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


def test_of_questions_that_scrubbing_makes_the_same_one_stays_whichever_came_first(tmp_path: Path) -> None:
    home, config = Home(tmp_path), CONFIG.model_copy(update={"curate": CurateSettings(near_duplicates=None)})
    questions = [question(name, "yes", text=f"Who is {name}@example.org?") for name in ("one", "two")]
    result(home, World(questions[1:], [], []), config)
    both = World(questions, [], [])
    found = result(home, both, config)
    assert found == from_scratch(home, both, config)
    assert found["card"]["rows_out"] == {"demonstration": {"reference": 1}}  # type: ignore[index]
