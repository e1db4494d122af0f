"""The questions of a domain: a JSONL file, every key known, every problem reported at once.

One object a line. `question` is required; `answer`, `id`, `family`, `split` (train or test), `sources`
(document ids), `answerable` (true or false) and `metadata` (the author's own keys) may be left out or null. A question
that is not answerable has neither `answer` nor `sources`, and is a test question: nothing is learned from it. A
question with `"synthetic": true` in its metadata is a train question, unless it has a `split` of its own.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from tasks.domain.json_objects import kind_of, parse_object, shown
from tasks.domain.splits import family_of, split_of
from tasks.errors import DomainError, raise_collected
from tasks.files import sha256_of
from tasks.records import Question, Split

MAX_PROBLEMS = 20
KEYS = ("question", "answer", "id", "family", "split", "sources", "answerable", "metadata")
SPLITS = get_args(Split)
MoreProblems = Callable[[Question], Iterable[str]]
_EXAMPLE = '{"question": "…", "answer": "…"}'


def read_questions(files: Path | Sequence[Path], test_share: float) -> list[Question]:
    """The questions of a domain's files, in file order; `test_share` (0 to 1) of the families are test questions.

    Raises:
        DomainError: with every problem of the files (the first 20 of each, then how many more), each one sentence that
            names the file, the line, the value and the remedy.
    """
    paths = [files] if isinstance(files, Path) else list(files)
    questions = parse_questions(paths, test_share)
    named = " and ".join(map(str, paths))
    raise_collected(DomainError, [f"{named} {problem}" for problem in _usability_problems(questions, test_share)])
    return questions


def parse_questions(
    paths: Sequence[Path], test_share: float, more_problems: MoreProblems | None = None
) -> list[Question]:
    """The same of files that need not be enough for a round: there may be no test question, or no answer.

    Args:
        more_problems: what else is wrong with a question, each continuing a sentence that names file and line.

    Raises:
        DomainError: as `read_questions`, for what is wrong with a file or a line.
    """
    questions: list[Question] = []
    place_of_id: dict[str, tuple[Path, int]] = {}
    problems: list[str] = []
    for path in paths:
        try:
            questions += _parse_file(path, test_share, place_of_id, more_problems)
        except DomainError as error:
            problems += error.problems
    raise_collected(DomainError, problems)
    return questions


def _parse_file(
    path: Path, test_share: float, place_of_id: dict[str, tuple[Path, int]], more_problems: MoreProblems | None
) -> list[Question]:
    text = _read_text(path)
    lines = list(_numbered_lines(text))
    if not lines:
        raise DomainError(f"{path} is empty: write one question a line, for example {_EXAMPLE}.")
    questions: list[Question] = []
    problems: list[str] = []
    for number, line in lines:
        try:
            fields = parse_object(line)
            question = question_of(fields, test_share)
            _check_new_id(question, fields, (path, number), place_of_id)
            raise_collected(DomainError, list(more_problems(question)) if more_problems else [])
            questions.append(question)
        except DomainError as error:
            problems += [f"{path} line {number} {problem}" for problem in error.problems]
    if problems and _is_one_json_value(text):
        raise DomainError(f"{path} is one JSON value over {len(lines)} lines: write JSONL, one whole object a line.")
    raise_collected(DomainError, _capped(path, problems))
    return questions


def question_of(fields: Mapping[str, Any], test_share: float) -> Question:
    """The question that one line's object describes, with a derived id, family and split where it names none.

    Raises:
        DomainError: with every problem of the object, each continuing a sentence that names file and line.
    """
    raise_collected(DomainError, list(_field_problems(fields)))
    given = {key: value for key, value in fields.items() if value is not None}
    text = given["question"]
    family = given.get("family", family_of(text))
    answerable = given.get("answerable", True)
    return Question(
        id=given.get("id", _id_of(text)),
        question=text,
        answer=given.get("answer"),
        family=family,
        split=given.get("split", _split_by_default(given, family, test_share)) if answerable else "test",
        sources=tuple(given.get("sources", ())),
        metadata=given.get("metadata", {}),
        answerable=answerable,
    )


def is_synthetic(question: Question) -> bool:
    """Whether the question was written by a program, as its `metadata.synthetic` says; else people have."""
    return question.metadata.get("synthetic") is True


def _split_by_default(given: Mapping[str, Any], family: str, test_share: float) -> Split:
    # The test set is people's, unless somebody says otherwise of each question.
    return "train" if given.get("metadata", {}).get("synthetic") is True else split_of(family, test_share)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return data.decode("utf-8").removeprefix("\ufeff")
    except FileNotFoundError as error:
        raise DomainError(
            f"{path} does not exist: write it, one object a line ({_EXAMPLE}), or correct `questions` in the config."
        ) from error
    except IsADirectoryError as error:
        raise DomainError(f"{path} is a folder: name a JSONL file in `questions` in the config.") from error
    except OSError as error:
        raise DomainError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DomainError(f"{path} is not UTF-8 (byte {error.start}, line {line}): save it as UTF-8.") from error


def _numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    # Split on "\n" only: str.splitlines would also cut at U+2028 inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def _field_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    for key in (key for key in fields if key not in KEYS):
        close = difflib.get_close_matches(key, KEYS, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else "put your own keys below `metadata`."
        yield f"has the unknown key {shown(key)} (value {shown(fields[key])}); {remedy}"
    if "question" not in fields:
        yield "has no `question`; write its text."
    for key in KEYS:
        value = fields.get(key)
        if value is not None or (key == "question" and key in fields):
            yield from _value_problems(key, value)
    if fields.get("answerable") is False:
        yield from _unanswerable_problems(fields)


def _unanswerable_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    for key in ("answer", "sources"):
        if fields.get(key):
            yield f"is not `answerable` and has `{key}` (value {shown(fields[key])}); leave one of them out."
    if fields.get("split") == "train":
        yield 'is not `answerable` and has the split "train"; nothing is learned from it: leave `split` out.'


def _value_problems(key: str, value: Any) -> Iterator[str]:
    remedy = "write its text." if key == "question" else "correct it, or leave the key out."
    if key == "answerable":
        if not isinstance(value, bool):
            yield f"has {kind_of(value)} as `answerable` (value {shown(value)}), not true or false; {remedy}"
    elif key == "metadata":
        if not isinstance(value, dict):
            yield f"has {kind_of(value)} as `metadata` (value {shown(value)}), not an object; {remedy}"
        elif not isinstance(mark := value.get("synthetic", False), bool):
            yield f"has {kind_of(mark)} as `metadata.synthetic` (value {shown(mark)}), not true or false; {remedy}"
    elif key == "sources":
        if not isinstance(value, list):
            yield f"has {kind_of(value)} as `sources` (value {shown(value)}), not a list of document ids; {remedy}"
        elif bad := [item for item in value if not isinstance(item, str) or _is_blank(item)]:
            yield f"has {shown(bad[0])} in `sources`, not a document id; {remedy}"
    elif not isinstance(value, str):
        yield f"has {kind_of(value)} as `{key}` (value {shown(value)}), not a string; {remedy}"
    elif _is_blank(value):
        yield f"has a blank `{key}` (value {shown(value)}); {remedy}"
    elif key == "split" and value not in SPLITS:
        yield f"has the split {shown(value)}, not {' or '.join(SPLITS)}; {remedy}"


def _is_blank(text: str) -> bool:
    return not any(character.isprintable() and not character.isspace() for character in text)


def _id_of(question: str) -> str:
    return f"q-{sha256_of(question)[:16]}"


def _check_new_id(
    question: Question, fields: Mapping[str, Any], place: tuple[Path, int], place_of_id: dict[str, tuple[Path, int]]
) -> None:
    earlier = place_of_id.setdefault(question.id, place)
    if earlier == place:
        return
    where = f"line {earlier[1]}" if earlier[0] == place[0] else f"{earlier[0]} line {earlier[1]}"
    if fields.get("id") is None:
        raise DomainError(
            f"has the same question as {where} ({shown(question.question)}); remove one, or give each an `id`."
        )
    raise DomainError(f"has the same id as {where} ({shown(question.id)}); give each its own.")


def _is_one_json_value(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return "\n" in text.strip()


def _capped(path: Path, problems: Sequence[str]) -> list[str]:
    listed, more = list(problems[:MAX_PROBLEMS]), len(problems) - MAX_PROBLEMS
    if more > 0:
        listed.append(f"{path} has {more} more problem{'s' if more > 1 else ''}: correct these first.")
    return listed


def _usability_problems(questions: Sequence[Question], test_share: float) -> Iterator[str]:
    """Reasons why a file without a wrong line still cannot be learned from or evaluated on."""
    count = len(questions)
    how = f"with `test_share` {test_share} and {count} question{'s' if count > 1 else ''}"
    if all(question.split == "test" for question in questions):
        yield f'has no train question ({how}): add questions, or give some {{"split": "train"}}.'
    if all(question.answer is None for question in questions):
        yield (
            f"has no `answer` in {count} question{'s' if count > 1 else ''}: add reference answers, "
            "the reference judge and the evaluation need them."
        )
    elif not any(question.split == "test" and question.answer is not None for question in questions):
        yield f'has no test question with an `answer` ({how}): add questions, or give some {{"split": "test"}}.'
