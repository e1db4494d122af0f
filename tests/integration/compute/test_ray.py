"""A real Ray on loopback: its processes do the work as this one would have done, and a killed one is replaced.

All tests share one cluster, whose start takes seconds.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from integration.compute.shard_functions import always_die, break_down, double_or_die, refuse
from tiny_model import write_random_adapter

from tasks.compute.ray_cluster import leave_cluster, reach_cluster
from tasks.compute.shards import map_shards
from tasks.config import Config
from tasks.errors import ComputeError, ModelError
from tasks.files import sha256_of
from tasks.home import Home
from tasks.models.engines import load_answerer
from tasks.models.generation import Decoding
from tasks.models.hardware import Hardware
from tasks.models.prompting import build_messages
from tasks.models.sharded_embeddings import embedder
from tasks.records import BaseModelRef, Demonstration, Message
from tasks.settings.compute import ComputeSettings
from tasks.settings.training import LoraSettings, SftSettings, TrainSettings
from tasks.training.jobs import PhaseJob, train_phase

RAY = ComputeSettings(engine="ray", shards=2, max_restarts=1)
HARDWARE = Hardware("cpu", "float32", 1)
WORDS = ("function", "iterator", "returns", "elements", "over", "the", "do")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("ray") / "home")


@pytest.fixture(scope="module", autouse=True)
def cluster(home: Home) -> Iterator[Any]:
    patch = pytest.MonkeyPatch()
    patch.setenv("HOME", str(home.root.parent))  # to see what it would write there
    # What Ray starts takes the packages under test from where this process has them.
    patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]))
    try:
        yield reach_cluster(RAY.model_copy(update={"workers": 2}), home)
    finally:
        leave_cluster()
        patch.undo()


def make_config(**compute: Any) -> Config:
    generation = {"max_new_tokens": 8, "batch_size": 3, "max_prompt_tokens": 80}
    return Config(
        name="tiny",
        questions="q.jsonl",
        root=Path("/domain"),
        generation=generation,
        compute=ComputeSettings(**compute),
    )


def test_nothing_of_ray_listens_beyond_loopback_nor_writes_into_the_users_home(home: Home) -> None:
    family = [each for each in psutil.process_iter() if _is_rays(each)]
    addresses = {
        each.laddr.ip
        for process in (*family, psutil.Process())
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert len(family) >= 2, "no server of Ray's was found"
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert [path.name for path in home.root.parent.iterdir() if path != home.root] == []


def _is_rays(process: psutil.Process) -> bool:
    try:
        mine = psutil.Process().pid in {parent.pid for parent in process.parents()}
        return mine and any(name in " ".join(process.cmdline()) for name in ("gcs_server", "raylet", "ray::"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def test_a_process_that_is_killed_is_replaced_and_the_results_keep_their_order(home: Home, tmp_path: Path) -> None:
    done: list[int] = []
    shards = [(number, tmp_path / f"died-{number}") for number in range(5)]
    assert map_shards(double_or_die, shards, RAY, home, HARDWARE, done.append) == [0, 2, 4, 6, 8]
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.glob("died-*")) == ["died-1", "died-3"]


def test_a_process_that_dies_each_time_is_an_error_with_its_remedy(home: Home) -> None:
    with pytest.raises(ComputeError) as caught:
        map_shards(always_die, [1, 2], RAY, home, HARDWARE)
    assert str(caught.value).startswith(
        "Ray lost a process that worked on one of 2 shards more often than compute.max_restarts=1 ("
    )


def test_an_error_comes_back_as_it_was_raised(home: Home) -> None:
    with pytest.raises(ModelError) as caught:
        map_shards(refuse, [7, 7], RAY, home, HARDWARE)
    assert caught.value.problems == ("Shard 7 is refused.", "And a second sentence.")
    with pytest.raises(KeyError):
        map_shards(break_down, [1, 2], RAY, home, HARDWARE)


@pytest.mark.parametrize("decoding", [Decoding(), Decoding(temperature=1.0, seed=40)], ids=["greedy", "drawn"])
def test_answers_of_shards_are_those_of_one_process(
    decoding: Decoding, home: Home, base: BaseModelRef, tmp_path: Path
) -> None:
    write_random_adapter(Path(base.path), tmp_path / "adapter", 1)
    prompts = [build_messages("Be short.", " ".join(WORDS[: 1 + number % 7])) for number in range(7)]
    said = {}
    for name, compute in {"here": {}, "ray": {"engine": "ray", "shards": 2}}.items():
        advances: list[int] = []
        answer = load_answerer(make_config(**compute), home, base, tmp_path / "adapter", HARDWARE)
        said[name] = [each.model_dump(exclude={"latency_s"}) for each in answer(prompts, decoding, advances.append)]
        assert sum(advances) == 7
    assert said["ray"] == said["here"]


def test_a_prompt_that_is_too_long_is_refused_in_the_same_words(home: Home, base: BaseModelRef) -> None:
    prompts = [build_messages("", "over " * 500)] * 3
    answer = load_answerer(make_config(engine="ray", shards=3), home, base, None, HARDWARE)
    with pytest.raises(ModelError, match=r"^3 prompts are longer than generation\.max_prompt_tokens=80 "):
        answer(prompts)


def test_embeddings_of_shards_are_those_of_one_process(home: Home) -> None:
    texts = [" ".join(WORDS[: 1 + number % 7]) for number in range(9)]
    here = embedder(make_config(), home, HARDWARE)(texts)
    embed = embedder(make_config(engine="ray", shards=2), home, HARDWARE)
    np.testing.assert_allclose(embed(texts), here, atol=1e-6)
    assert embed([]).shape == (0, here.shape[1])


def test_training_on_ray_survives_a_killed_worker_with_the_losses_of_one_process(
    base: BaseModelRef, tmp_path: Path
) -> None:
    rows = [
        Demonstration(
            id=sha256_of(row),
            question_id=f"q{row}",
            family=f"f{row}",
            prompt=(Message(role="user", content=f"What does function {row} do?"),),
            completion=" ".join(WORDS[: 1 + row % 7]),
            source="reference",
        )
        for row in range(12)
    ]
    settings = TrainSettings(
        lora=LoraSettings(r=4), sft=SftSettings(epochs=12, batch_size=4), max_length=256, checkpoint_steps=2
    )

    def train(name: str, on_loss: Callable[[int, dict[str, float]], None], **compute: Any) -> Any:
        job = PhaseJob(
            phase="sft",
            base=base,
            adapter_folder=None,
            settings=settings,
            compute=ComputeSettings(**compute),
            seed=0,
            folder=tmp_path / name,
        )
        return train_phase(job, rows, HARDWARE, on_loss)

    seen: list[int] = []
    killed: list[int] = []

    def kill_one(step: int, metrics: dict[str, float]) -> None:
        seen.append(step)
        if step >= 4 and not killed:
            log = str(tmp_path / "ray" / "worker-1.log")
            # Its file is found by what it is open as: the worker's standard output.
            (worker,) = [each for each in psutil.Process().children(recursive=True) if _speaks_into(each, log)]
            killed.append(worker.pid)
            worker.kill()

    alone = train("alone", lambda step, metrics: None)
    together = train("ray", kill_one, engine="ray", workers=2, max_restarts=1, timeout_s=300)
    assert killed and sorted(set(seen)) == [step for step, _ in alone.losses]
    starts = (tmp_path / "ray" / "worker-0.log").read_text(encoding="utf-8").count("train: SFT steps: 36 to do")
    assert starts == 2 and seen.count(1) == 1, "it was started anew, and went on from a checkpoint"
    np.testing.assert_allclose([loss for _, loss in together.losses], [loss for _, loss in alone.losses], atol=5e-6)


def _speaks_into(process: psutil.Process, log: str) -> bool:
    try:
        return str(Path(f"/proc/{process.pid}/fd/1").readlink()) == log
    except OSError:
        return False
