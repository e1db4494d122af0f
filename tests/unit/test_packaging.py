"""What is tested is the wheel that users install, and it is whole."""

import importlib.metadata
from pathlib import Path

import flows
import tasks

ROOT = Path(__file__).parents[2]


def test_the_packages_under_test_are_those_of_the_installed_wheel() -> None:
    distribution = importlib.metadata.distribution("ratchet-llm")
    for package in (flows, tasks):
        assert package.__file__ is not None
        assert Path(str(distribution.locate_file(f"{package.__name__}/__init__.py"))) == Path(package.__file__)
        assert ROOT not in Path(package.__file__).parents or ".venv" in Path(package.__file__).parts


def test_the_wheel_holds_every_file_of_both_packages() -> None:
    installed = {str(path) for path in importlib.metadata.files("ratchet-llm") or ()}
    sources = {
        str(path.relative_to(ROOT))
        for package in ("flows", "tasks")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources - installed == set()


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    constraints = (ROOT / "deploy" / "constraints.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0].lower() for line in constraints.splitlines() if "==" in line}
    requirements = importlib.metadata.requires("ratchet-llm") or []
    needed = {requirement.split(";")[0].strip() for requirement in requirements}
    names = {name for name in (_name(requirement) for requirement in needed) if name}
    assert names - pinned == set()
    assert "+" not in constraints and "file://" not in constraints


def _name(requirement: str) -> str:
    for position, character in enumerate(requirement):
        if not (character.isalnum() or character in "-_."):
            return requirement[:position].lower()
    return requirement.lower()
