"""The file of synthetic questions: marked, readable as a domain's questions, and never in place of people's."""

import json
from pathlib import Path

import pytest

from tasks.config import Config
from tasks.domain.questions import is_synthetic, parse_questions
from tasks.errors import DomainError
from tasks.synthetic_questions.drafts import Draft
from tasks.synthetic_questions.output import check_target, rows_of, write_file
from tasks.synthetic_questions.synthesis import Synthesis

RUN = "0123456789abcdef"


def synthesis(*questions: str) -> Synthesis:
    drafts = [
        Draft(question=text, answer=f"About {text}", document_id="a.md", start=3, end=9, writer="template named")
        for text in questions
    ]
    return Synthesis(
        run=RUN,
        writer="templates 1",
        documents=1,
        chunks=1,
        chunks_read=1,
        drafted=len(drafts),
        left_out={},
        unphrased={},
        drafts=tuple(drafts),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "people.jsonl").write_text('{"question": "Why?"}\n', encoding="utf-8")
    return Config(name="d", questions="people.jsonl", root=tmp_path)


def test_every_question_is_marked_and_tells_where_it_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "new" / "synthetic.jsonl"
    write_file(path, synthesis("What is `a`?", "What is `b`?"))
    first, second = parse_questions([path], test_share=0.99)
    assert is_synthetic(first) and is_synthetic(second)
    assert (first.split, first.family, first.sources) == ("train", "document a.md", ("a.md",))
    assert first.metadata == {"synthetic": True, "writer": "template named", "evidence": [3, 9], "run": RUN}
    assert first.family == second.family
    assert first.id != second.id


def test_the_same_questions_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_file(tmp_path / name, synthesis("What is `a`?"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (
        rows_of(synthesis("What is `a`?").drafts, "x")[0]["id"]
        == rows_of(synthesis("What is `a`?").drafts, "y")[0]["id"]
    )


def test_a_new_file_may_be_written(config: Config, tmp_path: Path) -> None:
    check_target(config, tmp_path / "deep" / "new.jsonl", force=False)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_of_peoples_questions_is_never_written(config: Config, tmp_path: Path, force: bool) -> None:
    with pytest.raises(DomainError, match=r"people.jsonl is a file of the config's `questions` and not all in it is"):
        check_target(config, tmp_path / "people.jsonl", force=force)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "people.jsonl")
    with pytest.raises(DomainError, match=r"link.jsonl is a file of the config's `questions`"):
        check_target(config, tmp_path / "link.jsonl", force=force)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"notes\n",
        b"\xff\xfe",
        b'{"question": "A?"}\n',
        b'{"question": "A?", "metadata": {"synthetic": true}}\n{"question": "B?"}\n',
        b'{"question": "A?", "metadata": {"synthetic": "yes"}}\n',
    ],
)
def test_whatever_else_is_there_is_never_overwritten(
    config: Config, tmp_path: Path, content: bytes, force: bool
) -> None:
    path = tmp_path / "there.jsonl"
    path.write_bytes(content)
    with pytest.raises(DomainError, match=r"there.jsonl is there already and not all in it is marked as synthetic"):
        check_target(config, path, force=force)
    assert path.read_bytes() == content


def test_synthetic_questions_are_written_anew_by_force_alone(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "synthetic.jsonl"
    write_file(path, synthesis("What is `a`?"))
    with pytest.raises(DomainError, match=r"is there already: name another file, or write it anew with --force"):
        check_target(config, path, force=False)
    check_target(config, path, force=True)


def test_a_folder_is_no_file(config: Config, tmp_path: Path) -> None:
    with pytest.raises(DomainError, match="is a folder: name a file"):
        check_target(config, tmp_path, force=True)


def test_a_row_has_only_keys_of_the_format(tmp_path: Path) -> None:
    (row,) = rows_of(synthesis("What is `a`?").drafts, RUN)
    assert json.loads(json.dumps(row)) == row
    assert set(row) == {"id", "question", "answer", "family", "split", "sources", "metadata"}
