"""The questions of each skill, which are asked to see what a challenger has forgotten, and are never learned from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tasks.config import Config
from tasks.domain.json_objects import shown
from tasks.domain.questions import parse_questions
from tasks.domain.splits import normalised
from tasks.errors import DomainError, raise_collected
from tasks.evaluation.instructions import constraint_problems
from tasks.evaluation.superiority import LARGEST_DIFFERENCE, questions_needed
from tasks.records import WITH_RETRIEVAL, Question
from tasks.settings.skills import SkillSettings


def read_skills(config: Config, questions: Sequence[Question]) -> dict[str, list[Question]]:
    """The questions of each of the config's `skills`, by name, in their order.

    Args:
        questions: the domain's own.

    Raises:
        DomainError: with every problem: a file that cannot be used, a question without the answer or the constraints
            that it is scored by, or one that is learned from; and a key of `promote.slices` that no test question has.
    """
    learned = {normalised(question.question) for question in questions if question.split == "train"}
    found: dict[str, list[Question]] = {}
    problems = list(_slice_problems(config.promote.slices, questions))
    for skill in config.skills:
        try:
            found[skill.name] = parse_questions(
                [config.root / skill.questions],
                config.test_share,
                _problems_of_constraints if skill.kind == "instruction" else None,
            )
        except DomainError as error:
            problems += [f"skills, {skill.name}: {problem}" for problem in error.problems]
            continue
        problems += _problems(skill, found[skill.name], learned)
    raise_collected(DomainError, problems)
    return found


def require_documents(config: Config, documents: int) -> None:
    """Returns when there are documents, or no skill is asked with passages of them.

    Raises:
        DomainError: naming the setting.
    """
    wanting = ["promote.with_retrieval"] if config.promote.with_retrieval else []
    wanting += [f"skills, {skill.name}: with_retrieval" for skill in config.skills if skill.with_retrieval]
    if wanting and not documents:
        raise DomainError(f"{wanting[0]}: the domain has no documents to retrieve from: name some, or set it to false.")


def slice_members(keys: Sequence[str], questions: Sequence[Question]) -> dict[str, set[str]]:
    """The ids of the questions of each slice, by its name `key=value`, keys in their order, then by name.

    A list is a question's several values; a question without the key is in none of its slices.
    """
    members: dict[str, set[str]] = {}
    for key in keys:
        of_key: dict[str, set[str]] = {}
        for question in questions:
            for value in values_of(question.metadata, key):
                of_key.setdefault(f"{key}={value}", set()).add(question.id)
        members |= dict(sorted(of_key.items()))
    return members


def too_small(
    config: Config, questions: Sequence[Question], skills: Mapping[str, Sequence[Question]]
) -> dict[str, tuple[int, int]]:
    """Of skills with too few questions to prove anything at their margin: how many they have, and how many it takes.

    Args:
        skills: as `read_skills` gives them.
    """
    settings = config.promote
    tests = [question for question in questions if question.split == "test" and question.answer is not None]
    of_metric = LARGEST_DIFFERENCE.get(settings.primary_metric, 1.0)
    sizes = {
        **{name: (len(ids), settings.margin, of_metric) for name, ids in slice_members(settings.slices, tests).items()},
        **{
            skill.name: (
                len(skills[skill.name]),
                skill.margin or settings.margin,
                of_metric if skill.kind == "answer" else 1.0,
            )
            for skill in config.skills
        },
    }
    if settings.with_retrieval:
        sizes[WITH_RETRIEVAL] = (len(tests), settings.margin, of_metric)
    needed = {
        name: (count, questions_needed(margin, settings.regression_rate, largest))
        for name, (count, margin, largest) in sizes.items()
    }
    return {name: (count, least) for name, (count, least) in needed.items() if count < least}


def values_of(metadata: Mapping[str, Any], key: str) -> list[str]:
    """What a question's metadata hold under the key, as text: none, one value, or those of a list."""
    value = metadata.get(key)
    values = value if isinstance(value, list) else [value]
    return [each if isinstance(each, str) else shown(each) for each in values if each is not None]


def _slice_problems(keys: Sequence[str], questions: Sequence[Question]) -> Iterator[str]:
    tests = [question for question in questions if question.split == "test" and question.answer is not None]
    for key in keys:
        if not slice_members([key], tests):
            yield (
                f"promote.slices: no test question has {key!r} in its metadata: correct the key, or add it to the "
                "questions."
            )


def _problems_of_constraints(question: Question) -> Iterator[str]:
    return constraint_problems(question.metadata)


def _problems(skill: SkillSettings, questions: Sequence[Question], learned: Collection[str]) -> Iterator[str]:
    without = [question.id for question in questions if question.answer is None]
    if skill.kind == "answer" and without:
        yield (
            f"skills, {skill.name}: {len(without)} of {len(questions)} questions have no `answer` to be scored by, for "
            f"example {without[0]!r}: add it, or set `kind: instruction` or `kind: refusal`."
        )
    trained = [question.id for question in questions if normalised(question.question) in learned]
    if trained:
        yield (
            f"skills, {skill.name}: {len(trained)} of {len(questions)} questions are train questions of the domain, "
            f"for example {trained[0]!r}: leave them out of one of the two, for what was learned shows nothing."
        )
