"""The guard against training on the test set: run on the finished rows, it trusts no earlier filter."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tasks.errors import IntegrityError, raise_collected
from tasks.feedback.pairing import comparable_text
from tasks.records import Demonstration, PreferencePair, Question

_NAMES_SHOWN = 10


def assert_no_test_families(
    questions: Sequence[Question], demonstrations: Sequence[Demonstration], pairs: Sequence[PreferencePair]
) -> None:
    """Returns when every training row belongs to a train question and no prompt is a test question.

    A family in both splits, possible only by the user's own `split`s, may be trained on through its train
    questions. Texts are compared as `comparable_text` has them: exactly, but for whitespace.

    Raises:
        IntegrityError: naming the families or questions at fault and their row counts; nothing may be trained.
    """
    rows: list[Demonstration | PreferencePair] = [*demonstrations, *pairs]
    by_id = {question.id: question for question in questions}
    test_texts = {comparable_text(question.question) for question in questions if question.split == "test"}
    test_only = {question.family for question in questions} - {q.family for q in questions if q.split == "train"}
    leaked: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    for row in rows:
        question = by_id.get(row.question_id)
        if row.family in test_only or (question is not None and question.split == "test"):
            leaked[row.family] += 1
        elif question is None or question.family != row.family:
            unknown[row.question_id] += 1
        for text in (message.content for message in row.prompt if message.role == "user"):
            if comparable_text(text) in test_texts:
                repeated[comparable_text(text)] += 1
    raise_collected(IntegrityError, _describe(leaked, unknown, repeated))


def _describe(leaked: Mapping[str, int], unknown: Mapping[str, int], repeated: Mapping[str, int]) -> list[str]:
    problems = []
    if leaked:
        problems.append(
            f"The training data holds rows of test families ({_list(leaked)}): "
            "nothing was trained; give their questions `split: train`, or leave these rows out."
        )
    if unknown:
        problems.append(
            f"The training data holds rows of no question of the domain in its family ({_list(unknown)}): "
            "nothing was trained; build the snapshot from the domain's present questions."
        )
    if repeated:
        problems.append(
            f"The training data holds test questions as prompts, word for word ({_list(repeated)}): "
            "nothing was trained; give equal questions the same `split`."
        )
    return problems


def _list(counts: Mapping[str, int]) -> str:
    """How many rows in all, then `name: rows` for the first names in alphabetical order, and how many more."""
    shown = [f"{name}: {rows}" for name, rows in sorted(counts.items())[:_NAMES_SHOWN]]
    more = [f"and {len(counts) - len(shown)} more"] if len(counts) > len(shown) else []
    return f"{sum(counts.values())} in all; {', '.join([*shown, *more])}"
