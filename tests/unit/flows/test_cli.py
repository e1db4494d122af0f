"""The command line: examples in every help, light start, exit statuses, and errors of one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from python_process import run_ratchet, run_script

from flows.cli import app

REPOSITORY = Path(__file__).parents[3]
COMMANDS = sorted(set(typer.main.get_command(app).commands) - {"argilla"})  # type: ignore[attr-defined]
HEAVY = ("datasets", "mlflow", "numpy", "peft", "prefect", "scipy", "torch", "transformers", "trl")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A sound domain of two questions without a round; no model is ever loaded."""
    path = tmp_path / "ratchet.yaml"
    path.write_text("name: tiny\nquestions: questions.jsonl\n", encoding="utf-8")
    rows = [
        {"question": "What is one?", "answer": "A number.", "split": "train"},
        {"question": "What is two?", "answer": "The next.", "split": "test"},
    ]
    (tmp_path / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def two_mistakes(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: tiny\nquestions: q.jsonl\nsead: 1\ncollect: {candidates: 1}\n", encoding="utf-8")
    return path


def expected_problems(path: Path) -> list[str]:
    return [
        f"{path}: collect.candidates: 1 is not accepted; it should be greater than or equal to 2.",
        f"{path}: sead: unknown key (value 1); did you mean `seed`?",
    ]


def test_every_command_of_the_contract_is_there() -> None:
    promised = (
        "init round collect curate train evaluate promote status history why rollback ask doctor judges trace withdraw "
        "benchmark questions"
    )
    assert set(promised.split()) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_shows_an_example_of_that_command(command: str) -> None:
    for flag in ("--help", "-h"):
        shown = run_ratchet(command, flag)

        assert (shown.returncode, shown.stderr) == (0, "")
        assert f"  Example: ratchet {command}" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_answer_in_json(command: str) -> None:
    options = {option for p in typer.main.get_command(app).commands[command].params for option in p.opts}  # type: ignore[attr-defined]

    assert "--json" in options


@pytest.mark.parametrize("arguments", [["--help"], ["round", "--help"], ["status"], ["round", "none.yaml"]])
def test_nothing_heavy_is_imported_to_answer_at_once(tmp_path: Path, arguments: list[str]) -> None:
    script = f"""
import sys
sys.argv = ["ratchet", *{arguments!r}]
from flows.cli import main
try:
    main()
except SystemExit:
    pass
print("\\nimported:", *sorted({set(HEAVY)!r} & set(sys.modules)))
"""
    shown = run_script(script, tmp_path)

    assert shown.stdout.splitlines()[-1] == "imported:"


def test_whether_a_round_is_due_is_known_before_anything_heavy_is_imported(config: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from flows.inspection import due_round
print(due_round(Path({str(config)!r}), 1))
print("imported:", *sorted({{"mlflow", "prefect", "torch", "transformers", "trl", "peft"}} & set(sys.modules)))
"""
    shown = run_script(script)

    assert shown.stdout.splitlines() == ["(True, '0 of 1 rounds are finished')", "imported:"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Usage:"),
        (["nonsense"], "No such command 'nonsense'."),
        (["round"], "Missing argument 'CONFIG'."),
        (["round", "a.yaml", "--bogus"], "No such option: --bogus"),
        (["round", "a.yaml", "b.yaml"], "Got unexpected extra argument"),
        (["round", "a.yaml", "--rounds", "0"], "Invalid value for '--rounds'"),
        (["round", "a.yaml", "--rounds", "many"], "Invalid value for '--rounds'"),
        (["why"], "Missing argument 'version'."),
        (["why", "0"], "Invalid value for 'version'"),
        (["why", "first"], "Invalid value for 'version'"),
        (["ask"], "Missing argument 'question'."),
        (["init"], "Missing argument 'DIR'."),
        (["status", "--config"], "Option '--config' requires an argument."),
    ],
)
def test_wrong_use_ends_with_status_2_and_says_what_was_wrong(arguments: list[str], sentence: str) -> None:
    refused = run_ratchet(*arguments)

    assert refused.returncode == 2
    assert sentence in refused.stderr + (refused.stdout if not arguments else "")
    assert "Traceback" not in refused.stderr


def test_every_problem_is_one_line_on_stderr_and_the_status_is_1(two_mistakes: Path) -> None:
    refused = run_ratchet("round", str(two_mistakes))

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert sorted(refused.stderr.splitlines()) == [f"error: {problem}" for problem in expected_problems(two_mistakes)]


def test_with_json_the_problems_are_one_object_on_stdout(two_mistakes: Path) -> None:
    refused = run_ratchet("round", str(two_mistakes), "--json")

    assert refused.returncode == 1
    assert sorted(json.loads(refused.stdout)["errors"]) == expected_problems(two_mistakes)
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_the_traceback_wherever_it_stands(two_mistakes: Path, where: str) -> None:
    arguments = ["status", "--config", str(two_mistakes)]

    refused = run_ratchet(*(["--debug", *arguments] if where == "before" else [*arguments, "--debug"]))

    assert refused.returncode == 1
    assert "Traceback (most recent call last):" in refused.stderr
    assert "tasks.errors.ConfigError" in refused.stderr


def test_without_a_config_the_commands_say_how_to_name_one(tmp_path: Path, ratchet_home: Path) -> None:
    for arguments in (["status"], ["history"], ["why", "1"], ["rollback"], ["ask", "What?"]):
        refused = run_ratchet(*arguments, cwd=tmp_path)

        sentence = f"There is no ratchet.yaml here and no round in {ratchet_home} yet: name the config with --config."
        assert (refused.returncode, refused.stderr) == (1, f"error: {sentence}\n")


def printed_json(*arguments: str) -> dict[str, Any]:
    shown = run_ratchet(*arguments, "--json")
    assert shown.returncode == 0, shown.stderr
    printed: dict[str, Any] = json.loads(shown.stdout)
    return printed


def test_init_prints_and_writes_a_domain_that_status_can_read(tmp_path: Path) -> None:
    made = printed_json("init", str(tmp_path / "new"))

    assert made["config"] == str(tmp_path / "new" / "ratchet.yaml")
    assert all(Path(path).is_file() for path in made["files"])
    assert printed_json("status", "--config", made["config"])["domain"] == "new"


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    run_ratchet("init", str(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    refused = run_ratchet("init", str(tmp_path))

    assert refused.returncode == 1 and refused.stderr.startswith("error: ")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_status_before_the_first_round_says_that_it_is_due(config: Path) -> None:
    assert printed_json("status", "--config", str(config)) == {
        "domain": "tiny",
        "feedback": 0,
        "rounds": [],
        "waiting": [],
        "due": True,
        "why": "no round has been run yet",
        "labels": [],
        "datasets": [],
        "test_labels": [],
        "test_datasets": [],
        "end_users": [],
        "production": None,
    }
    assert run_ratchet("status", "--config", str(config)).stdout.splitlines() == [
        "Domain tiny, 0 judgements",
        "round  stages done  champion at start  outcome",
        f"`ratchet round {config}` would run round 1: no round has been run yet",
    ]


def test_the_config_in_the_current_folder_needs_no_name(config: Path) -> None:
    shown = run_ratchet("status", cwd=config.parent)

    assert shown.returncode == 0
    assert shown.stdout.startswith("Domain tiny, 0 judgements\n")


def test_a_command_that_only_looks_writes_no_state(config: Path, ratchet_home: Path) -> None:
    run_ratchet("status", "--config", str(config))
    run_ratchet("round", "--help")

    assert not ratchet_home.exists()
