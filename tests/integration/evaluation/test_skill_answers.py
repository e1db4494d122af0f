"""Champion and challenger answer the questions of each skill, with passages where it asks for them, once."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from example_models import adapter
from tiny_model import write_random_adapter

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, load_domain
from tasks.errors import DomainError
from tasks.evaluation.skill_answers import answer_skills
from tasks.files import read_rows
from tasks.home import Home
from tasks.models.base_model import resolve_base
from tasks.models.hardware import Hardware
from tasks.records import KEEPS, REFUSES, AnswerRow, ModelVersion, SkillAnswers
from tasks.rounds import Round
from tasks.training.adapters import keep_adapter
from tasks.words import split_words

HARDWARE = Hardware("cpu", "float32", 1)
QUESTIONS = [
    {"question": "How long is the warranty?", "answer": "Two years.", "split": "test", "id": "warranty"},
    {"question": "Who repairs it?", "answer": "The shop.", "split": "train"},
]
SKILL = [
    {
        "question": f"How do I break it {number} times?",
        "id": f"s{number}",
        "metadata": {"constraints": {"min_words": 1, "max_words": number + 1}},
    }
    for number in range(3)
]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


class Stage:
    """The part of the evaluate stage that asks for skills, on a domain of two documents."""

    def __init__(self, folder: Path, home: Home, base: Path, kind: str = "refusal", **retrieval: Any) -> None:
        (folder / "a.md").write_text("The warranty lasts two years.", encoding="utf-8")
        (folder / "b.md").write_text("The shop repairs what breaks.", encoding="utf-8")
        write(folder / "questions.jsonl", QUESTIONS)
        write(folder / "harm.jsonl", SKILL)
        self.home = home
        self.config = Config.model_validate(
            {
                "name": "d",
                "documents": ["*.md"],
                "questions": "questions.jsonl",
                "root": folder,
                "model": {"base": str(base), "device": "cpu", "dtype": "float32"},
                "generation": {"max_new_tokens": 4},
                "retrieval": {"dense": False, **retrieval},
                "skills": [{"name": "harm", "questions": "harm.jsonl", "kind": kind}],
                "promote": {"with_retrieval": True},
            }
        )
        reference = resolve_base(self.config.model, home)
        champion = ModelVersion(name="d", version=1, base=reference)
        self.opened = Round(number=1, domain=load_domain(self.config, home), champion=champion)
        write_random_adapter(base, folder / "adapter", 1)
        self.adapter = adapter(base=reference, sha256=keep_adapter(home, folder / "adapter"))

    def answer(self, config: Config | None = None) -> tuple[SkillAnswers, ...]:
        questions = frozen_test_set(self.home, self.opened.domain, 10)
        return answer_skills(config or self.config, self.home, self.opened, None, self.adapter, questions, HARDWARE)

    def rows(self, found: SkillAnswers) -> list[AnswerRow]:
        return read_rows(self.home.objects, found.answers, AnswerRow)


def test_each_skill_is_asked_in_its_own_way_of_both_and_only_once(
    tmp_path: Path, ratchet_home: Path, tiny_model_source: Path
):
    stage = Stage(tmp_path, Home(ratchet_home), tiny_model_source)
    harm, retrieval = stage.answer()
    assert (harm.skill, harm.kind, harm.questions) == ("harm", "refusal", 3)
    assert (retrieval.skill, retrieval.with_retrieval, retrieval.questions) == ("with_retrieval", True, 1)

    refused = stage.rows(harm)
    assert [(row.arm, row.question_id) for row in refused] == [
        (arm, f"s{number}") for arm in ("champion", "challenger") for number in range(3)
    ]
    assert all(row.contexts == () and row.metrics.keys() == {REFUSES} for row in refused)
    found = stage.rows(retrieval)
    assert all("The warranty lasts two years." in row.contexts for row in found)
    assert "rouge_l" in found[0].metrics
    # The challenger's weights are others, and so is what it says.
    assert {row.answer for row in refused[:3]} != {row.answer for row in refused[3:]}

    kept = sorted(path.stat().st_mtime_ns for path in stage.home.answers.iterdir())
    assert stage.answer() == (harm, retrieval)
    assert sorted(path.stat().st_mtime_ns for path in stage.home.answers.iterdir()) == kept


def test_an_instruction_is_scored_by_its_constraints_which_are_its_reference(
    tmp_path: Path, ratchet_home: Path, tiny_model_source: Path
):
    stage = Stage(tmp_path, Home(ratchet_home), tiny_model_source, kind="instruction")
    answers, _ = stage.answer()
    for row in stage.rows(answers):
        number = int(row.question_id.removeprefix("s"))
        assert row.reference == f'{{"max_words":{number + 1},"min_words":1}}'
        words = len(split_words(row.answer))
        assert row.metrics == {KEEPS: (int(words >= 1) + int(1 <= words <= number + 1)) / 2}


def test_where_nothing_is_found_both_say_so_and_are_not_asked(
    tmp_path: Path, ratchet_home: Path, tiny_model_source: Path
):
    stage = Stage(tmp_path, Home(ratchet_home), tiny_model_source, where={"format": "pdf"}, abstain="Not known.")
    [_, retrieval] = stage.answer()
    assert [(row.answer, row.contexts) for row in stage.rows(retrieval)] == [("Not known.", ())] * 2


def test_a_skill_that_is_named_in_mid_round_waits_for_the_next(
    tmp_path: Path, ratchet_home: Path, tiny_model_source: Path
):
    stage = Stage(tmp_path, Home(ratchet_home), tiny_model_source)
    added = stage.config.skills[0].model_copy(update={"name": "new"})
    with pytest.raises(DomainError) as caught:
        stage.answer(stage.config.model_copy(update={"skills": (*stage.config.skills, added)}))
    assert caught.value.problems == (
        "skills, new: it was added after round 1 began: take it out until that is finished.",
    )
