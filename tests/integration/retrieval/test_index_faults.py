"""Faults while an index is built: a killed process, two at once, a full disk."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from example_documents import WordModel, document, make_config

from tasks.errors import HomeError
from tasks.home import Home
from tasks.retrieval import folders, vectors
from tasks.retrieval.index import build_index, open_index

CONFIG = make_config(passages=1)
DOCUMENTS = [document(f"{n}.txt", f"Text number {n} is about word{n}.") for n in range(40)]

SCRIPT = """
import sys, time
from pathlib import Path
from example_documents import WordModel
from tasks.home import Home
from tasks.retrieval import vectors
from tasks.retrieval.index import build_index
sys.path.insert(0, {tests!r})
from test_index_faults import CONFIG, DOCUMENTS
vectors.BLOCK = 10
model = WordModel()
def slow(texts):
    time.sleep({pause})
    return model(texts)
build_index(CONFIG, Home(Path({home!r})), DOCUMENTS, slow)
print(len(model.asked) - 1)
"""


def start(home: Home, pause: float) -> "subprocess.Popen[str]":
    here = Path(__file__).parent
    script = SCRIPT.format(home=str(home.root), pause=pause, tests=str(here))
    path = os.pathsep.join([str(here.parents[1]), str(here), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )


def wait_for(home: Home, pattern: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list((home.root / "indexes").glob(pattern))) < count:
        assert time.monotonic() < deadline, f"{pattern} never came"
        time.sleep(0.01)


def test_what_a_killed_build_had_embedded_is_not_embedded_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(home, pause=0.3)
    wait_for(home, "layers/*/embedded/*.npz", 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = len(list((home.root / "indexes").glob("layers/*/embedded/*.npz")))
    assert kept < 4  # it was killed in the middle

    model = WordModel()
    ref = build_index(CONFIG, home, DOCUMENTS, model)

    assert len(model.asked) - 1 == 40 - 10 * kept
    assert ref.chunks == 40
    assert build_index(CONFIG, Home(home.root / "other"), DOCUMENTS, WordModel()).sha256 == ref.sha256
    left = [path for path in (home.root / "indexes").rglob("*") if ".tmp" in path.name or path.suffix == ".npz"]
    assert left == []


def test_a_block_that_was_damaged_is_embedded_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "BLOCK", 10)
    process = start(home, pause=0.3)
    wait_for(home, "layers/*/embedded/*.npz", 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for path in (home.root / "indexes").glob("layers/*/embedded/*.npz"):
        path.write_bytes(path.read_bytes()[:-7])

    model = WordModel()
    build_index(CONFIG, home, DOCUMENTS, model)

    assert len(model.asked) - 1 == 40


def test_of_two_builds_at_once_one_waits_and_embeds_nothing(home: Home) -> None:
    first, second = start(home, pause=0.1), start(home, pause=0.1)
    embedded = sorted(int(process.communicate(timeout=120)[0]) for process in (first, second))
    assert embedded == [0, 40]
    assert (first.returncode, second.returncode) == (0, 0)
    ref = build_index(CONFIG, home, DOCUMENTS, WordModel())
    assert open_index(CONFIG, home, ref, None).ref.chunks == 40


def test_an_index_can_be_read_while_another_is_built(home: Home) -> None:
    ref = build_index(CONFIG, home, DOCUMENTS[:5], WordModel())
    process = start(home, pause=0.2)
    wait_for(home, "layers/*/embedded/*.npz", 1)
    assert open_index(CONFIG, home, ref, WordModel()).ref == ref
    assert process.wait(timeout=60) == 0


def test_a_full_disk_is_said_and_nothing_is_left_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folders, "sync", full)
    with pytest.raises(HomeError, match="No space left to write"):
        build_index(CONFIG, home, DOCUMENTS, WordModel())
    assert list((home.root / "indexes").rglob("*.tmp")) == []
    monkeypatch.undo()
    assert build_index(CONFIG, home, DOCUMENTS, WordModel()).chunks == 40


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError, match=r"indexes failed \(Not a directory\): check the disk"):
        build_index(CONFIG, Home(tmp_path / "file"), DOCUMENTS, WordModel())
