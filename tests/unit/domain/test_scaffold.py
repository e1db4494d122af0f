import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from tasks.config import Config, load_config
from tasks.domain.doctor import examine
from tasks.domain.loading import load_domain
from tasks.domain.questions import KEYS, parse_questions, read_questions
from tasks.domain.scaffold import domain_name, init_folder
from tasks.errors import DomainError
from tasks.evaluation.instructions import CONSTRAINTS, constraints_of
from tasks.home import Home

GIVEN = {"name", "documents", "questions"}  # the template must say something of its own here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_folder(tmp_path / "My Domain", demo=False)
    return tmp_path / "My Domain"


def keys_and_defaults(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from keys_and_defaults(value, f"{prefix}{name}.")
        elif isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", list(value) if isinstance(value, tuple) else value


def flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_the_commented_config_has_every_key_at_its_default(folder: Path) -> None:
    bare = Config(name="x", questions="x", root=folder)
    defaults = {key: value for key, value in keys_and_defaults(bare) if key not in GIVEN | {"root"}}
    written = dict(flat(YAML(typ="safe", pure=True).load(folder / "ratchet.yaml")))
    assert {key: value for key, value in written.items() if key not in GIVEN} == defaults
    assert written.keys() >= GIVEN
    assert load_config(folder / "ratchet.yaml").model_dump(exclude=GIVEN) == bare.model_dump(exclude=GIVEN)


def test_every_line_of_the_commented_config_is_explained(folder: Path) -> None:
    lines = (folder / "ratchet.yaml").read_text(encoding="utf-8").splitlines()
    unexplained = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if line.strip() and not line.endswith(":") and "# " not in line and not above.strip().startswith("#")
    ]
    assert unexplained == []


def test_a_new_folder_is_a_domain_that_loads(folder: Path, tmp_path: Path) -> None:
    config = load_config(folder / "ratchet.yaml")
    domain = load_domain(config, Home(tmp_path / "home"))
    assert (domain.name, domain.train_questions, domain.test_questions) == ("my-domain", 2, 1)
    assert (domain.documents.rows, domain.shared_families) == (1, 0)


def test_the_example_questions_show_every_key_and_name_a_document_that_exists(folder: Path) -> None:
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {key for line in lines for key in json.loads(line)} == set(KEYS)
    sources = {source for question in read_questions(folder / "questions.jsonl", 0.2) for source in question.sources}
    assert all((folder / source).is_file() for source in sources)


def test_the_doctor_finds_nothing_in_a_new_folder_but_too_few_questions(folder: Path) -> None:
    findings = examine(load_config(folder / "ratchet.yaml"), lambda text: len(text.split())).findings
    assert [finding.sentence for finding in findings] == [
        "The test set has 1 question, fewer than `promote.min_test_questions` (30): "
        "add test questions with an answer, or nothing will ever be promoted."
    ]


def switched_on(text: str) -> str:
    """The commented config with its example of `skills` for the empty list, as its comment says how."""
    before, _, rest = text.partition("# skills:\n")
    example, _, after = rest.partition("skills: []\n")
    return "".join((before, "skills:\n", *(line.removeprefix("# ") for line in example.splitlines(True)), after))


def test_both_general_skills_are_there_once_their_comment_is_taken_away(folder: Path, tmp_path: Path) -> None:
    path = folder / "ratchet.yaml"
    path.write_text(switched_on(path.read_text(encoding="utf-8")), encoding="utf-8")
    config = load_config(path)
    assert [(skill.name, skill.kind) for skill in config.skills] == [
        ("instructions", "instruction"),
        ("refusals", "refusal"),
    ]
    domain = load_domain(config, Home(tmp_path / "home"))
    assert {name: asked.rows for name, asked in domain.skills.items()} == {"instructions": 60, "refusals": 60}
    findings = examine(config, None).findings
    assert [finding.sentence.split()[:3] for finding in findings] == [["The", "test", "set"]]


def test_the_instructions_use_every_constraint_and_the_refusals_cover_many_harms(folder: Path) -> None:
    instructions, refusals = (
        parse_questions([folder / "skills" / f"{name}.jsonl"], 0.2) for name in ("instructions", "refusals")
    )
    used = Counter(name for question in instructions for name in constraints_of(question.metadata))
    assert used.keys() == CONSTRAINTS.keys() and min(used.values()) >= 3
    assert len({question.metadata["harm"] for question in refusals}) >= 15


def test_the_files_written_are_returned(tmp_path: Path) -> None:
    paths = init_folder(tmp_path / "new", demo=False)
    names = ("docs/welcome.md", "questions.jsonl", "ratchet.yaml", "skills/instructions.jsonl", "skills/refusals.jsonl")
    assert paths == [tmp_path / "new" / name for name in names]
    assert sorted(path for path in (tmp_path / "new").rglob("*") if path.is_file()) == sorted(paths)


@pytest.mark.parametrize("demo", [False, True])
def test_with_people_the_config_asks_them_and_is_otherwise_the_same(tmp_path: Path, demo: bool) -> None:
    init_folder(tmp_path / "a" / "same", demo=demo)
    init_folder(tmp_path / "b" / "same", demo=demo, people=True)
    without, asked = (load_config(tmp_path / name / "same" / "ratchet.yaml") for name in "ab")
    assert without.human_feedback.argilla is None
    assert [judge.name for judge in asked.judges] == (["local"] if demo else [])
    changed = without.human_feedback.model_copy(update={"argilla": "embedded"})
    expected = without.model_copy(update={"human_feedback": changed, "judges": asked.judges})
    assert asked.model_copy(update={"root": without.root}) == expected


@pytest.mark.parametrize("demo", [False, True])
def test_an_existing_file_is_never_overwritten(tmp_path: Path, demo: bool) -> None:
    (tmp_path / "ratchet.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(DomainError) as caught:
        init_folder(tmp_path, demo=demo)
    assert caught.value.problems == (
        f"{tmp_path / 'ratchet.yaml'} exists already: choose another folder, or move it away; it was left as it is.",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["ratchet.yaml"]


@pytest.mark.parametrize(
    ("folder_name", "name"),
    [
        ("support", "support"),
        ("My Domain (v2)", "my-domain-v2"),
        ("_x", "x"),
        ("质量", "my-domain"),
        ("a" * 100, "a" * 63),
    ],
)
def test_any_folder_name_makes_a_valid_domain_name(tmp_path: Path, folder_name: str, name: str) -> None:
    assert domain_name(tmp_path / folder_name) == name
    assert Config(name=name, questions="x", root=tmp_path).name == name
