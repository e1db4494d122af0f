import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config import load_config
from tasks.domain.documents import read_documents
from tasks.domain.loading import load_domain
from tasks.domain.questions import read_questions
from tasks.domain.stdlib_docstrings import Entry, find_entries, write_demo
from tasks.errors import DomainError
from tasks.files import sha256_of_directory
from tasks.home import Home

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return find_entries()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("domains") / "demo"
    write_demo(folder)
    return folder


def test_there_are_about_as_many_entries_as_promised(entries: list[Entry]) -> None:
    assert 1_900 < len(entries) < 2_800


def test_names_and_summaries_are_distinct_and_file_names_too(entries: list[Entry]) -> None:
    assert len({entry.summary for entry in entries}) == len(entries)
    assert len({entry.document_id.casefold() for entry in entries}) == len(entries)
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)


def test_summaries_are_whole_sentences_of_the_promised_length(entries: list[Entry]) -> None:
    for entry in entries:
        assert 30 <= len(entry.summary) <= 220
        assert entry.docstring.startswith(entry.summary)
        assert "->" not in entry.summary
        assert not re.match(rf"{re.escape(entry.name.split('.')[-1])}\(", entry.summary)


def test_names_are_public_and_known_ones_are_there(entries: list[Entry]) -> None:
    by_name = {entry.name: entry for entry in entries}
    assert not [name for name in by_name if re.search(r"(^|\.)_", name)]
    # One function, class method, method, builtin and accelerated class each.
    known = {"json.dumps", "datetime.datetime.now", "pathlib.Path.touch", "list.extend", "os.path.exists"}
    assert known - by_name.keys() == set()
    assert by_name["math.log2"].summary == "Return the base 2 logarithm of x."


def test_every_name_leads_to_the_docstring(entries: list[Entry]) -> None:
    import builtins
    import importlib

    for entry in entries[::25]:
        root, *rest = entry.name.split(".")
        found = getattr(builtins, root) if hasattr(builtins, root) else importlib.import_module(root)
        for part in rest:
            found = getattr(found, part)
        assert entry.summary in str(found.__doc__)


def test_finding_entries_prints_nothing_warns_of_nothing_and_does_not_depend_on_hash_order() -> None:
    program = (
        "import sys; from tasks.domain.stdlib_docstrings import find_entries; from tasks.files import sha256_of; "
        "found = sha256_of([entry.model_dump() for entry in find_entries()]); "
        "windows = sys.modules.keys() & {'tkinter', 'turtle', 'antigravity', 'this'}; "
        "print(found, *windows)"
    )
    printed = set()
    for seed in ("1", "2"):
        process = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert process.stderr == ""
        printed.add(process.stdout)
    (only,) = printed
    assert re.fullmatch(r"[0-9a-f]{64}\n", only)


def test_the_demo_is_a_domain_that_loads(demo: Path, tmp_path: Path, entries: list[Entry]) -> None:
    config = load_config(demo / "ratchet.yaml")
    domain = load_domain(config, Home(tmp_path / "home"))
    assert (domain.name, domain.questions.rows, domain.documents.rows) == ("python-stdlib", 400, len(entries))
    assert domain.test_questions >= config.promote.min_test_questions
    assert domain.train_questions >= config.collect.questions
    assert domain.shared_families == 0


def test_a_question_its_answer_and_its_document_belong_together(demo: Path) -> None:
    documents, skipped, _ = read_documents(demo, ["docs/*.txt"])
    texts = {document.id: document.text for document in documents}
    assert skipped == []
    for question in read_questions(demo / "questions.jsonl", 0.2):
        (source,) = question.sources
        assert question.question == f"What does `{question.family}` do in Python?"
        assert source == f"docs/{question.family}.txt"
        assert texts[source].startswith(f"{question.family}\n\n{question.answer}")


def test_the_same_python_writes_the_same_demo(demo: Path, tmp_path: Path) -> None:
    paths = write_demo(tmp_path / "again")
    assert sha256_of_directory(tmp_path / "again") == sha256_of_directory(demo)
    assert paths[-1] == tmp_path / "again" / "ratchet.yaml"
    assert len(paths) == sum(path.is_file() for path in (tmp_path / "again").rglob("*"))


def test_a_larger_demo_keeps_the_questions_of_a_smaller_one(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "small", questions=50)
    small, large = ((folder / "questions.jsonl").read_text(encoding="utf-8") for folder in (tmp_path / "small", demo))
    assert len(small.splitlines()) == 50
    assert large.startswith(small)


def test_a_demo_is_never_written_over_another(demo: Path) -> None:
    before = sha256_of_directory(demo)
    with pytest.raises(DomainError, match="exists already"):
        write_demo(demo, questions=10)
    assert sha256_of_directory(demo) == before
