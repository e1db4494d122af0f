"""Argilla's environment is installed whole, as pinned, or not at all."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.embedded_argilla.installing import install, is_installed
from tasks.embedded_argilla.layout import CONSTRAINTS, Layout
from tasks.errors import RatchetError

Wait = Callable[..., None]


@pytest.fixture
def layout(ratchet_home: Path) -> Layout:
    """Where nothing is installed yet."""
    return Layout(ratchet_home / "argilla")


def test_every_installed_package_has_the_version_of_its_pin(argilla_environment: Path) -> None:
    listed = subprocess.run(
        [argilla_environment / "bin" / "uv", "pip", "list", "--format=json", "--python", argilla_environment],
        capture_output=True,
        check=True,
    )
    installed = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
    lines = [line.split(" ;")[0] for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    pinned = dict(line.split("==") for line in lines)

    installed.pop("pip")  # Python's own, which installs uv and nothing else
    assert installed["argilla-server"] == "2.8.0"
    assert {name: pinned.get(name) for name in installed} == installed


def test_progress_is_said_and_a_second_installation_starts_from_nothing(
    argilla_environment: Path, argilla_home: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(argilla_home() / "argilla")
    assert is_installed(layout)
    layout.environment.unlink()
    layout.environment.mkdir()
    (layout.environment / "left over").touch()
    assert not is_installed(layout)

    install(layout)

    assert is_installed(layout) and not (layout.environment / "left over").exists()
    said = capsys.readouterr()
    assert said.out == ""
    assert [line for line in said.err.splitlines() if "so far" not in line][:4] == [
        f"Argilla: installing it into {layout.environment}, once; this takes a minute or two",
        "Argilla: making a virtual environment",
        "Argilla: installing uv",
        "Argilla: installing argilla-server and what it needs",
    ]
    assert list(layout.temporary.iterdir()) == [] or not layout.temporary.exists()


@pytest.mark.parametrize(
    ("variables", "step", "words"),
    [
        ({"PIP_NO_INDEX": "1"}, "installing uv", "ERROR: "),
        ({"UV_OFFLINE": "1"}, "installing argilla-server and what it needs", "argilla-server"),
    ],
)
def test_a_failed_installation_says_which_step_and_why_and_does_not_count(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], step: str, words: str
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(RatchetError) as refused:
        install(layout)

    (problem,) = refused.value.problems
    assert problem.startswith(f"Argilla could not be installed, {step} failed (")
    assert words in problem and str(layout.log("install")) in problem
    assert not is_installed(layout)


def test_an_installation_that_is_killed_is_not_taken_for_a_finished_one(
    ratchet_home: Path, fresh: Any, wait_until: Wait
) -> None:
    layout = Layout(ratchet_home / "argilla")
    argilla = type(fresh)(ratchet_home, fresh.port)
    killed = argilla.start("up", "--port", str(argilla.port))
    wait_until(layout.python.exists, "the environment's Python")
    killed.kill()
    _, said = killed.communicate()
    assert "Argilla: making a virtual environment" in said
    assert not is_installed(layout)
    assert len(argilla.processes()) >= 1  # the step itself goes on, until the next command ends it

    try:
        argilla.up()
        assert argilla.status()[0] == 0
        assert sorted(argilla.processes()) == sorted(argilla.pids().values())
    finally:
        argilla.run("down")
    assert os.listdir(layout.root / "venv" / "lib")  # noqa: PTH208
