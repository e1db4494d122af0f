import json
import random
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, load_domain, read_split, shared_families
from tasks.errors import DomainError, IntegrityError
from tasks.files import read_rows, sha256_of_file
from tasks.home import Home
from tasks.records import Document, Domain


def write_questions(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def config_of(folder: Path, *globs: str) -> Config:
    return Config(name="test", documents=globs, questions="questions.jsonl", root=folder)


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"question": f"Question {number}?", "answer": f"Answer {number}."} for number in range(count)]


def test_the_record_counts_what_the_files_hold(tmp_path: Path, home: Home) -> None:
    folder = tmp_path / "domain"
    write_questions(
        folder,
        [
            {"question": "A?", "answer": "a", "split": "train", "family": "shared"},
            {"question": "B?", "answer": "b", "split": "test", "family": "shared"},
            {"question": "C?", "split": "test", "family": "alone"},
            {"question": "D?", "split": "train", "family": "alone too"},
            {"question": "E?", "split": "train", "family": "alone too"},
        ],
    )
    (folder / "note.md").write_text("note", encoding="utf-8")
    domain = load_domain(config_of(folder, "*.md"), home)
    assert (domain.name, domain.questions.rows, domain.documents.rows) == ("test", 5, 1)
    assert (domain.train_questions, domain.test_questions, domain.shared_families) == (3, 1, 1)
    assert [question.question for question in read_split(home, domain, "train")] == ["A?", "D?", "E?"]
    assert [question.question for question in read_split(home, domain, "test")] == ["B?", "C?"]
    assert [document.id for document in read_rows(home.objects, domain.documents, Document)] == ["note.md"]


def test_the_same_content_elsewhere_gives_the_same_record(tmp_path: Path) -> None:
    domains = []
    for name in ("one", "other"):
        folder = tmp_path / name
        write_questions(folder, numbered(30))
        (folder / "note.md").write_text("note", encoding="utf-8")
        domains.append(load_domain(config_of(folder, "*.md"), Home(tmp_path / f"home-{name}")))
    assert domains[0] == domains[1]


def test_stored_files_are_named_by_their_content_and_unmoved_by_later_edits(tmp_path: Path, home: Home) -> None:
    folder = tmp_path / "domain"
    write_questions(folder, numbered(30))
    domain = load_domain(config_of(folder), home)
    before = read_split(home, domain, "train")
    write_questions(folder, numbered(40))
    assert load_domain(config_of(folder), home) != domain
    assert read_split(home, domain, "train") == before
    assert all(sha256_of_file(path) == path.stem for path in home.objects.iterdir())


def test_an_altered_stored_file_is_refused(tmp_path: Path, home: Home) -> None:
    write_questions(tmp_path / "domain", numbered(30))
    domain = load_domain(config_of(tmp_path / "domain"), home)
    (home.objects / f"{domain.questions.sha256}.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(IntegrityError):
        read_split(home, domain, "train")


def test_the_frozen_test_set_is_held_out_answered_and_in_an_order_of_its_own(tmp_path: Path, home: Home) -> None:
    rows = [*numbered(100), *({"question": f"Unanswered {number}?", "split": "test"} for number in range(5))]
    write_questions(tmp_path / "domain", rows)
    domain = load_domain(config_of(tmp_path / "domain"), home)
    whole = frozen_test_set(home, domain, 1000)
    assert len(whole) == domain.test_questions
    assert all(question.split == "test" and question.answer for question in whole)
    assert frozen_test_set(home, domain, 7) == whole[:7]

    random.Random(0).shuffle(rows)
    write_questions(tmp_path / "domain", rows)
    shuffled = load_domain(config_of(tmp_path / "domain"), home)
    assert frozen_test_set(home, shuffled, 1000) == whole


def test_adding_questions_keeps_the_old_test_questions_in_their_order(tmp_path: Path, home: Home) -> None:
    def test_set_of(rows: list[dict[str, Any]]) -> list[str]:
        write_questions(tmp_path / "domain", rows)
        domain: Domain = load_domain(config_of(tmp_path / "domain"), home)
        return [question.id for question in frozen_test_set(home, domain, 1000)]

    old, new = test_set_of(numbered(60)), test_set_of(numbered(120))
    assert [question_id for question_id in new if question_id in set(old)] == old


def test_a_family_without_explicit_splits_is_never_shared(tmp_path: Path, home: Home) -> None:
    rows = [{**row, "family": f"family {index % 9}"} for index, row in enumerate(numbered(90))]
    write_questions(tmp_path / "domain", rows)
    domain = load_domain(config_of(tmp_path / "domain"), home)
    assert domain.shared_families == 0
    assert shared_families([*read_split(home, domain, "train"), *read_split(home, domain, "test")]) == []


def test_skipped_documents_are_counted_and_shown(
    tmp_path: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "domain"
    write_questions(folder, numbered(30))
    (folder / "good.md").write_text("good", encoding="utf-8")
    for number in range(22):
        (folder / f"{number:02d}.txt").write_bytes(b"\xff")
    domain = load_domain(config_of(folder, "*.md", "*.txt"), home)
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert domain.documents.rows == 1
    assert captured.out == ""
    assert lines[:2] == [
        "22 of 23 documents skipped:",
        "  00.txt was skipped: it is not UTF-8 (byte 0); save it as UTF-8.",
    ]
    assert len(lines) == 22
    assert lines[-1] == "  and 2 more"


def test_metadata_that_cannot_be_read_are_said(tmp_path: Path, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "domain"
    write_questions(folder, numbered(30))
    (folder / "a.md").write_text("---\n- a\n---\nText.\n", encoding="utf-8")
    domain = load_domain(config_of(folder, "*.md"), home)
    assert domain.documents.rows == 1
    assert capsys.readouterr().err.splitlines() == [
        "1 documents have metadata that cannot be read:",
        "  a.md: its front matter holds list, not keys and values, so it was left as text; correct it, or remove it.",
    ]


def test_nothing_is_said_when_no_document_is_skipped(
    tmp_path: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    write_questions(tmp_path / "domain", numbered(30))
    load_domain(config_of(tmp_path / "domain"), home)
    assert capsys.readouterr().err == ""


def test_a_domain_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path, home: Home) -> None:
    write_questions(tmp_path / "domain", [{"question": ""}])
    with pytest.raises(DomainError):
        load_domain(config_of(tmp_path / "domain"), home)
    assert not home.root.exists()
