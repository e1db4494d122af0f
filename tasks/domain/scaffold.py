"""A new domain folder to start from: commented settings and a few examples, or the whole demo domain."""

import re
from importlib import resources
from pathlib import Path

from tasks.domain.new_files import write_new_files
from tasks.domain.stdlib_docstrings import write_demo

_EXAMPLE_NAME = "my-domain"
_SKILLS = ("skills/instructions.jsonl", "skills/refusals.jsonl")


def init_folder(directory: Path, *, demo: bool, people: bool = False) -> list[Path]:
    """Writes a domain into the folder, made if need be, and returns the files written.

    Without `demo`: a ratchet.yaml with every key at its default, named after the folder, three example
    questions and one document, and the questions of two general skills, which the config does not ask unless their
    comment is taken away. With it: the docstrings of the standard library (`stdlib_docstrings`). With
    `people`, the config has them asked through the embedded Argilla.

    Raises:
        DomainError: when one of the files exists (then none is written), or the folder cannot be written.
    """
    if demo:
        return write_demo(directory, people=people)
    config = _template("ratchet.yaml").replace(f"name: {_EXAMPLE_NAME}", f"name: {domain_name(directory)}", 1)
    if people:
        config = config.replace("argilla: null", "argilla: embedded", 1)
    return write_new_files(
        directory,
        {
            "docs/welcome.md": _template("welcome.md"),
            "questions.jsonl": _template("questions.jsonl"),
            "ratchet.yaml": config,
            **{name: _template(name) for name in _SKILLS},
        },
    )


def domain_name(directory: Path) -> str:
    """A valid `name` for the domain in this folder: the folder's own name with all else made `-`."""
    name = re.sub(r"[^a-z0-9_-]+", "-", directory.resolve().name.lower()).strip("-_")[:63]
    return name or _EXAMPLE_NAME


def _template(name: str) -> str:
    return (resources.files("tasks.domain") / "templates" / name).read_text(encoding="utf-8")
