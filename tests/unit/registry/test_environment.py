"""The facts of a run: versions and commits, or None where there are none."""

import subprocess
from pathlib import Path

import pytest

from tasks.config import Config
from tasks.registry.environment import describe_environment, git_commit, library_version


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "ratchet.yaml").write_text("name: demo\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=first")
    git(tmp_path, "tag", "v1")
    return tmp_path


def test_a_clean_checkout_has_its_commit(checkout: Path):
    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_a_changed_checkout_says_so(checkout: Path):
    (checkout / "ratchet.yaml").write_text("name: other\n")
    assert git_commit(checkout) == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_a_folder_outside_git_has_no_commit(tmp_path: Path):
    assert git_commit(tmp_path) is None


def test_a_checkout_without_commits_has_none(tmp_path: Path):
    git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None


def test_a_machine_without_git_has_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert git_commit(checkout) is None


def test_a_library_that_is_missing_has_no_version():
    assert library_version("no-such-distribution") is None


def test_the_environment_names_python_libraries_threads_and_commit(checkout: Path):
    facts = describe_environment(Config(name="demo", questions="q.jsonl", root=checkout))
    assert facts["libraries"]["torch"] and facts["libraries"]["mlflow"] and facts["libraries"]["peft"]
    assert facts["torch_threads"] >= 1
    assert facts["git_commit"] == git(checkout, "rev-parse", "HEAD")
    assert facts["config_sha256"]
