"""When a round is due: never for nothing, never one more than asked for, an unfinished one always first."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from example_judges import NO_ROWS

from tasks.config import Config, load_config
from tasks.curation.summary import summarise_feedback
from tasks.domain.loading import load_domain
from tasks.errors import ConfigError, DomainError
from tasks.feedback import log
from tasks.files import canonical_json, write_atomically
from tasks.home import Home
from tasks.planning import Plan, close_round, find_config, open_round, plan_round, remember_config
from tasks.records import BaseModelRef, Feedback, ModelVersion
from tasks.rounds import Round, begin_round

CHAMPION = ModelVersion(name="tiny", version=1, base=BaseModelRef(id="tiny", path="/tiny", sha256="b" * 64))
QUESTIONS = [
    {"id": "one", "question": "What is one?", "answer": "A number.", "split": "train"},
    {"id": "two", "question": "What is two?", "answer": "The next number.", "split": "test"},
]


@pytest.fixture
def domain_folder(tmp_path: Path) -> Path:
    """A domain of two questions and one document."""
    folder = tmp_path / "domain"
    folder.mkdir()
    (folder / "ratchet.yaml").write_text("name: tiny\nquestions: questions.jsonl\ndocuments: ['*.md']\n")
    (folder / "questions.jsonl").write_text("".join(f"{json.dumps(question)}\n" for question in QUESTIONS))
    (folder / "numbers.md").write_text("One is a number, two is the next.\n")
    return folder


@pytest.fixture
def config(domain_folder: Path) -> Config:
    return load_config(domain_folder / "ratchet.yaml")


def begin(config: Config, home: Home, number: int) -> Round:
    return begin_round(home, number, load_domain(config, home), CHAMPION)


def finish(config: Config, home: Home, *numbers: int) -> None:
    for number in numbers:
        close_round(config, home, begin(config, home, number))


def add_feedback(home: Home) -> None:
    judgement = Feedback(
        id="f" * 64,
        question_id="one",
        candidate_a="a" * 64,
        candidate_b="c" * 64,
        preference="a",
        source="human",
        round=1,
    )
    log.append(home, "tiny", [judgement])


def test_the_first_round_is_due_when_there_was_none(config: Config, home: Home) -> None:
    assert plan_round(config, home, None) == Plan(number=1, due=True, why="no round has been run yet")


def test_an_unfinished_round_is_gone_on_with(config: Config, home: Home) -> None:
    finish(config, home, 1)
    opened = begin(config, home, 2)

    assert plan_round(config, home, None) == Plan(number=2, due=True, unfinished=opened, why="round 2 is unfinished")


def test_an_unfinished_round_is_opened_as_it_began_whatever_the_files_say_now(
    config: Config, home: Home, domain_folder: Path
) -> None:
    opened = begin(config, home, 1)
    (domain_folder / "questions.jsonl").write_text("{")

    assert open_round(config, home, plan_round(config, home, None)) == opened


@pytest.mark.parametrize("rounds", [1, 2, 9])
def test_an_unfinished_round_comes_first_however_many_were_asked_for(config: Config, home: Home, rounds: int) -> None:
    finish(config, home, 1)
    begin(config, home, 2)

    plan = plan_round(config, home, rounds)

    assert (plan.number, plan.due, plan.why) == (2, True, "round 2 is unfinished")


def test_nothing_is_due_when_nothing_has_changed(config: Config, home: Home) -> None:
    finish(config, home, 1)

    why = "the config, questions, documents or feedback is as it was since round 1"
    assert plan_round(config, home, None) == Plan(number=2, due=False, why=why)


CHANGES: dict[str, Callable[[Path, Home], object]] = {
    "config": lambda folder, _: (folder / "ratchet.yaml").open("a").write("seed: 7\n"),
    "question added": lambda folder, _: (folder / "questions.jsonl").open("a").write('{"question": "And three?"}\n'),
    "answer corrected": lambda folder, _: (folder / "questions.jsonl").write_text(
        (folder / "questions.jsonl").read_text().replace("The next", "Another")
    ),
    "document added": lambda folder, _: (folder / "more.md").write_text("Three.\n"),
    "document edited": lambda folder, _: (folder / "numbers.md").write_text("One.\n"),
    "document removed": lambda folder, _: (folder / "numbers.md").unlink(),
    "feedback": lambda _, home: add_feedback(home),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_round_is_due_when_there_is_something_new_to_learn_from(
    config: Config, home: Home, domain_folder: Path, change: str
) -> None:
    (domain_folder / "kept.md").write_text("Numbers go on.\n")
    finish(config, home, 1)
    CHANGES[change](domain_folder, home)

    plan = plan_round(load_config(domain_folder / "ratchet.yaml"), home, None)

    why = "the config, questions, documents or feedback has changed since round 1"
    assert plan == Plan(number=2, due=True, why=why)


def curate(home: Home, opened: Round) -> None:
    """Notes that the round learns from the feedback that is there now."""
    segments = log.segments(home, "tiny")
    summary = summarise_feedback(segments, {}, log.read(home, "tiny"), NO_ROWS, seed=0)
    write_atomically(home.round("tiny", opened.number) / "feedback.json", canonical_json(summary).encode())


def test_what_a_round_collected_itself_makes_no_other_due(config: Config, home: Home) -> None:
    opened = begin(config, home, 1)
    add_feedback(home)
    curate(home, opened)
    close_round(config, home, opened)

    assert not plan_round(config, home, None).due


def test_feedback_that_came_in_after_the_round_was_curated_makes_another_due(config: Config, home: Home) -> None:
    opened = begin(config, home, 1)
    curate(home, opened)
    add_feedback(home)
    close_round(config, home, opened)

    assert plan_round(config, home, None).due


def test_a_document_that_changed_while_the_round_ran_makes_another_due(
    config: Config, home: Home, domain_folder: Path
) -> None:
    opened = begin(config, home, 1)
    (domain_folder / "numbers.md").write_text("One.\n")
    close_round(config, home, opened)

    assert plan_round(config, home, None).due


def test_a_file_that_was_touched_but_says_the_same_makes_no_round_due(
    config: Config, home: Home, domain_folder: Path
) -> None:
    finish(config, home, 1)
    text = (domain_folder / "ratchet.yaml").read_text()
    (domain_folder / "ratchet.yaml").write_text(f"# a comment\n{text}")
    (domain_folder / "numbers.md").touch()

    assert not plan_round(load_config(domain_folder / "ratchet.yaml"), home, None).due


@pytest.mark.parametrize(
    ("finished", "rounds", "due", "why"),
    [
        (0, 1, True, "0 of 1 rounds are finished"),
        (0, 3, True, "0 of 3 rounds are finished"),
        (2, 3, True, "2 of 3 rounds are finished"),
        (3, 3, False, "3 of 3 rounds are finished"),
        (3, 1, False, "3 of 1 rounds are finished"),
    ],
)
def test_there_are_never_more_rounds_in_all_than_were_asked_for(
    config: Config, home: Home, finished: int, rounds: int, due: bool, why: str
) -> None:
    finish(config, home, *range(1, finished + 1))

    assert plan_round(config, home, rounds) == Plan(number=finished + 1, due=due, why=why)


def test_rounds_asked_for_by_number_are_due_though_nothing_has_changed(config: Config, home: Home) -> None:
    started = 0
    while (plan := plan_round(config, home, 3)).due:
        finish(config, home, plan.number)
        started += 1

    assert started == 3


def test_another_domain_in_the_same_home_has_its_own_rounds(config: Config, home: Home) -> None:
    finish(config, home, 1, 2)

    assert plan_round(config.model_copy(update={"name": "other"}), home, None).number == 1


def test_questions_that_cannot_be_read_are_refused_before_a_round_is_planned(
    config: Config, home: Home, domain_folder: Path
) -> None:
    finish(config, home, 1)
    (domain_folder / "questions.jsonl").unlink()

    with pytest.raises(DomainError, match=r"questions\.jsonl does not exist"):
        plan_round(config, home, None)


def test_the_config_in_the_current_folder_comes_before_that_of_the_last_round(
    home: Home, domain_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_config(home, tmp_path / "elsewhere.yaml")
    monkeypatch.chdir(domain_folder)

    assert find_config(home) == Path("ratchet.yaml")


def test_elsewhere_the_config_of_the_last_round_is_found_by_its_whole_path(
    home: Home, domain_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(domain_folder)
    remember_config(home, Path("ratchet.yaml"))
    monkeypatch.chdir(tmp_path)

    assert find_config(home) == (domain_folder / "ratchet.yaml").resolve()


def test_with_neither_the_remedy_is_named(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as refused:
        find_config(home)

    assert str(refused.value) == (
        f"There is no ratchet.yaml here and no round in {home.root} yet: name the config with --config."
    )
