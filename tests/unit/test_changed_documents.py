"""Documents call for a round when they differ from those of the last finished round, and once."""

import os
from pathlib import Path

import pytest

from tasks.changed_documents import (
    documents_sha256,
    look_at_files,
    news_of_documents,
    read_news,
    write_news,
)
from tasks.config import Config
from tasks.domain.loading import load_domain
from tasks.errors import DomainError
from tasks.feedback.new_labels import notes_folder
from tasks.home import Home
from tasks.records import BaseModelRef, ModelVersion
from tasks.rounds import begin_round, end_round

SPLITS = ("train", "test")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "one.md").write_text("# One\n\nThe first.\n", encoding="utf-8")
    questions = [f'{{"question": "What is {split}?", "answer": "That.", "split": "{split}"}}\n' for split in SPLITS]
    (tmp_path / "q.jsonl").write_text("".join(questions), encoding="utf-8")
    settings = {"name": "tiny", "questions": "q.jsonl", "documents": ["documents/*.md"], "root": tmp_path}
    return Config.model_validate(settings)


def finish_round(config: Config, home: Home) -> None:
    champion = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64))
    end_round(home, begin_round(home, 1, load_domain(config, home), champion), "a" * 64)


def change(config: Config) -> None:
    (config.root / "documents" / "two.md").write_text("# Two\n\nThe second.\n", encoding="utf-8")


def test_there_is_no_news_before_a_round_has_finished_nor_right_after(config: Config, home: Home) -> None:
    assert news_of_documents(config, home) is None
    finish_round(config, home)
    assert news_of_documents(config, home) is None


def test_other_documents_are_news_until_a_round_was_asked_for_and_again_when_they_change_again(
    config: Config, home: Home
) -> None:
    finish_round(config, home)
    change(config)
    news = news_of_documents(config, home)
    assert news is not None and news.documents == documents_sha256(config)
    write_news(home, "tiny", news)
    assert read_news(home, "tiny") == news
    assert news_of_documents(config, home) is None
    (config.root / "documents" / "one.md").write_text("# One\n\nNo longer the first.\n", encoding="utf-8")
    assert news_of_documents(config, home) not in (None, news)


def test_documents_that_are_as_they_were_again_are_no_news(config: Config, home: Home) -> None:
    finish_round(config, home)
    change(config)
    (config.root / "documents" / "two.md").unlink()
    assert news_of_documents(config, home) is None


def test_the_hash_is_that_of_a_round_which_begins_now(config: Config, home: Home) -> None:
    assert documents_sha256(config) == load_domain(config, home).documents.sha256


def test_a_look_at_the_files_tells_that_they_were_touched(config: Config) -> None:
    first, path = look_at_files(config), config.root / "documents" / "one.md"
    assert look_at_files(config) == first
    os.utime(path, ns=(1, 1))
    touched = look_at_files(config)
    assert touched != first
    change(config)
    assert look_at_files(config) not in (first, touched)


def test_a_glob_that_matches_nothing_any_more_is_an_error_and_no_news(config: Config, home: Home) -> None:
    finish_round(config, home)
    (config.root / "documents" / "one.md").unlink()
    with pytest.raises(DomainError, match="matches no file"):
        look_at_files(config)


@pytest.mark.parametrize("content", [b"", b"{", b'{"documents": "x"}', b"\xff"])
def test_an_unreadable_note_asks_once_more(config: Config, home: Home, content: bytes) -> None:
    finish_round(config, home)
    change(config)
    notes_folder(home).mkdir()
    (notes_folder(home) / "tiny.documents.json").write_bytes(content)
    assert news_of_documents(config, home) is not None
