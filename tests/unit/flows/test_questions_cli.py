"""`ratchet questions` on the command line: what it prints, where it writes, and what it refuses."""

import json
from pathlib import Path

import pytest
from python_process import run_ratchet

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "note.md").write_text("# FAQ\n\n## How do I begin?\n\nPress the green button once.\n", encoding="utf-8")
    (tmp_path / "people.jsonl").write_text('{"question": "Why?", "answer": "So."}\n', encoding="utf-8")
    path = tmp_path / "ratchet.yaml"
    # BM25 alone: no model is loaded.
    path.write_text(
        "name: tiny\ndocuments: [note.md]\nquestions: people.jsonl\nretrieval: {dense: false}\n"
        "curate: {decontamination: {similarity: null}}\n",
        encoding="utf-8",
    )
    return path


def test_the_questions_are_written_and_told(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "synthetic.jsonl"
    done = run_ratchet("questions", config, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {key: result[key] for key in ("domain", "file", "questions", "drafted", "left_out")} == {
        "domain": "tiny",
        "file": str(out),
        "questions": 1,
        "drafted": 1,
        "left_out": {},
    }
    (row,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (row["question"], row["metadata"]["synthetic"]) == ("How do I begin?", True)
    again = run_ratchet("questions", config, "--out", out)
    assert again.returncode == 1
    assert again.stderr == f"error: {out} is there already: name another file, or write it anew with --force.\n"
    forced = run_ratchet("questions", config, "--out", out, "--force")
    assert forced.returncode == 0
    assert forced.stdout.startswith(
        "1 synthetic question for tiny by templates 1, from 1 of 1 passage of 1 document\nwritten  1\nkept     1\n"
    )
    assert f"file: {out}\n" in forced.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--count", "0"], 2, "Invalid value for '--count': Input should be greater than or equal to 1"),
        (["--writer", "poet"], 2, "'poet' is not one of 'model', 'templates'"),
        (["--writer", "model"], 1, "error: writer: it is null"),
        (["--out", "{folder}"], 1, "is a folder: name a file for the questions."),
        (["--out", "{folder}/people.jsonl", "--force"], 1, "is a file of the config's `questions`"),
        (["--out", "{folder}/note.md", "--force"], 1, "is there already and not all in it is marked as synthetic"),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_sentence(
    config: Path, arguments: list[str], status: int, message: str
) -> None:
    done = run_ratchet(
        "questions", config, *(argument.replace("{folder}", str(config.parent)) for argument in arguments)
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
