"""Skills have questions that can be scored and are not learned from; slices are the values of a key of metadata."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.domain.doctor import examine
from tasks.domain.loading import load_domain
from tasks.domain.skills import slice_members, too_small
from tasks.errors import DomainError
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import Question

TRAIN = {"question": "How long is it?", "answer": "Two.", "split": "train"}
TEST = {"question": "How wide is it?", "answer": "One.", "split": "test", "metadata": {"unit": "metres"}}


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def load(folder: Path, skill: list[dict[str, Any]] | None, home: Home, **settings: Any) -> Any:
    write(folder / "questions.jsonl", TRAIN, TEST)
    skills = settings.pop("skills", {})
    if skill is not None:
        write(folder / "other.jsonl", *skill)
    fields = {"name": "d", "questions": "questions.jsonl", "root": folder, **settings}
    if skill is not None or skills:
        fields["skills"] = [{"name": "other", "questions": "other.jsonl", **skills}]
    return load_domain(Config.model_validate(fields), home)


def problems(tmp_path: Path, skill: list[dict[str, Any]] | None, home: Home, **settings: Any) -> list[str]:
    with pytest.raises(DomainError) as caught:
        load(tmp_path, skill, home, **settings)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_a_domain_names_the_questions_of_its_skills_by_their_content(tmp_path: Path, home: Home):
    domain = load(tmp_path, [{"question": "Say hello?", "answer": "Hello."}], home)
    [question] = read_rows(home.objects, domain.skills["other"], Question)
    assert question.answer == "Hello."
    assert load(tmp_path, [{"question": "Say hello?", "answer": "Hi."}], home) != domain
    assert load(tmp_path, None, home).skills == {}


@pytest.mark.parametrize(
    ("skill", "settings", "problem"),
    [
        (
            [{"question": "Say hello?", "id": "hello"}, {"question": "Bye?", "answer": "Bye."}],
            {},
            "skills, other: 1 of 2 questions have no `answer` to be scored by, for example 'hello': add it, or set "
            "`kind: instruction` or `kind: refusal`.",
        ),
        (
            [{"question": "How  LONG is it?", "answer": "2", "id": "long"}],
            {},
            "skills, other: 1 of 1 questions are train questions of the domain, for example 'long': leave them out of "
            "one of the two, for what was learned shows nothing.",
        ),
        ([{"question": 5}], {}, "skills, other: other.jsonl line 1 has a number as `question` (value 5), not a string"),
        (
            None,
            {"skills": {"questions": "none.jsonl"}},
            "skills, other: none.jsonl does not exist: write it, one object a line",
        ),
        (
            None,
            {"promote": {"slices": ["unti"]}},
            "promote.slices: no test question has 'unti' in its metadata: correct the key, or add it to the questions.",
        ),
        (
            None,
            {"promote": {"with_retrieval": True}},
            "promote.with_retrieval: the domain has no documents to retrieve from: name some, or set it to false.",
        ),
        (
            [{"question": "Say hello?", "answer": "Hello."}],
            {"skills": {"with_retrieval": True}},
            "skills, other: with_retrieval: the domain has no documents to retrieve from: name some, or set it to "
            "false.",
        ),
    ],
)
def test_what_cannot_be_tested_is_refused_before_a_round(
    tmp_path: Path, home: Home, skill: list[dict[str, Any]] | None, settings: dict[str, Any], problem: str
):
    [found] = problems(tmp_path, skill, home, **settings)
    assert found.startswith(problem)


def test_what_must_be_refused_needs_no_answer(tmp_path: Path, home: Home):
    assert load(tmp_path, [{"question": "Harm me?"}], home, skills={"kind": "refusal"}).skills["other"].rows == 1


def instruction(text: str, **metadata: Any) -> dict[str, Any]:
    return {"question": text, "metadata": metadata}


def test_an_instruction_needs_no_answer(tmp_path: Path, home: Home):
    skill = [instruction("Say hello in a word!", constraints={"max_words": 1})]
    assert load(tmp_path, skill, home, skills={"kind": "instruction"}).skills["other"].rows == 1


def test_every_constraint_that_cannot_be_checked_is_refused_by_file_line_and_name(tmp_path: Path, home: Home):
    skill = [
        instruction("Say hello!", constraints={"max_word": 3, "bullets": 0, "min_words": 1}),
        instruction("Say bye!"),
        {"question": 5},
        instruction("Say it!", constraints={"contains": "it"}),
        instruction("Say more!", constraints="upper_case"),
    ]
    found = problems(tmp_path, skill, home, skills={"kind": "instruction"})
    assert [problem.partition("; ")[0] for problem in found] == [
        'skills, other: other.jsonl line 1 has the unknown constraint "max_word" (value 3)',
        "skills, other: other.jsonl line 1 has 0 as the constraint `bullets`, not a whole number of at least 1",
        "skills, other: other.jsonl line 2 names no `constraints` in its metadata, by which it is scored",
        "skills, other: other.jsonl line 3 has a number as `question` (value 5), not a string",
        'skills, other: other.jsonl line 5 has a string as `metadata.constraints` (value "upper_case"), not an object',
    ]


def test_metadata_named_constraints_are_their_authors_own_where_nothing_is_scored_by_them(tmp_path: Path, home: Home):
    skill = [{"question": "Say hello!", "answer": "Hello.", "metadata": {"constraints": "of 1990"}}]
    assert load(tmp_path, skill, home).skills["other"].rows == 1


def asked(identity: str, **metadata: Any) -> Question:
    return Question(id=identity, question=identity, family=identity, split="test", metadata=metadata)


def test_each_value_of_a_key_is_a_slice_and_a_list_has_several():
    questions = [
        asked("a", unit="m", level=2),
        asked("b", unit=["m", "s"], level=True),
        asked("c", unit=None),
        asked("d", level=2),
    ]
    assert slice_members(["unit", "level"], questions) == {
        "unit=m": {"a", "b"},
        "unit=s": {"b"},
        "level=2": {"a", "d"},
        "level=true": {"b"},
    }
    assert list(slice_members(["level", "unit"], questions)) == ["level=2", "level=true", "unit=m", "unit=s"]


def test_the_doctor_says_what_no_round_could_begin_with_and_which_skills_have_too_few_questions(tmp_path: Path):
    write(tmp_path / "questions.jsonl", TRAIN, TEST)
    write(tmp_path / "other.jsonl", {"question": "Say hello?", "answer": "Hello."})
    skill = {"name": "other", "questions": "other.jsonl", "margin": 0.2}
    fields = {"name": "d", "questions": "questions.jsonl", "root": tmp_path, "skills": [skill]}

    found = examine(Config.model_validate({**fields, "promote": {"slices": ["unit"]}}), None)
    sentences = [finding.sentence for finding in found.findings if finding.sentence.startswith("The skill")]
    assert sentences == [
        f"The skill {name} has 1 question, and it takes {needed} to prove that nothing is lost: add some, raise its "
        "margin, or leave it out, or nothing will ever be promoted."
        for name, needed in (("unit=metres", 43), ("other", 20))
    ]

    broken = examine(Config.model_validate({**fields, "promote": {"slices": ["unti"]}}), None)
    assert not broken.passed
    assert broken.findings[0].sentence.startswith("promote.slices: no test question has 'unti'")


def test_with_a_metric_twice_as_wide_it_takes_twice_as_many_questions(tmp_path: Path):
    config = Config.model_validate(
        {
            "name": "d",
            "questions": "questions.jsonl",
            "root": tmp_path,
            "promote": {"with_retrieval": True, "primary_metric": "semantic_similarity"},
        }
    )
    assert too_small(config, [asked("a").model_copy(update={"answer": "b"})], {}) == {"with_retrieval": (1, 88)}
