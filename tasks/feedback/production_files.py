"""The JSONL drop: files with one production answer a line, and what a user thought of it.

`question` and `answer` are required, and `rating` (up or down), `edit` or both. `user`, `at` (ISO 8601 with a zone) and
`id` may be left out or null; `id` tells the answers of unknown users apart. A file is appended to; what was read
of it is not read again. A line that is taken out of it takes nothing back.
"""

import difflib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any, get_args

from tasks.domain.json_objects import kind_of, parse_object, shown
from tasks.errors import DomainError, raise_collected
from tasks.feedback.end_users import Reaction
from tasks.files import sha256_of
from tasks.records import Count, Rating, Record, Sha256

KEYS = ("question", "answer", "rating", "edit", "user", "at", "id")
RATINGS = get_args(Rating)
MAX_PROBLEMS = 20
_REQUIRED = ("question", "answer")
_BOM = b"\xef\xbb\xbf"
_CHUNK_BYTES = 1 << 20


class FileSeen(Record):
    """How a file was when it was last read.

    Attributes:
        size: bytes.
        modified_ns: its modification time, nanoseconds since 1970.
        consumed: bytes from its start whose lines are in the log; fewer than `size` when its last line is unfinished.
        sha256: of those bytes.
        lines: line ends among them.
    """

    size: Count
    modified_ns: int
    consumed: Count
    sha256: Sha256
    lines: Count


@dataclass(frozen=True)
class Drop:
    """What is new in a file."""

    reactions: tuple[Reaction, ...]
    seen: FileSeen
    unfinished: bool  # the last line is still being written


def match_files(root: Path, globs: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """The files below `root` that the globs match, by their relative paths, sorted, and the globs that match none."""
    files: dict[str, Path] = {}
    unmatched = []
    for pattern in globs:
        named = root / pattern  # a name such as "drop [eu].jsonl" is not a pattern
        names = [pattern] if named.is_file() else glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
        paths = [root / name for name in names if (root / name).is_file()]
        if not paths:
            unmatched.append(pattern)
        files |= {os.path.relpath(path, root).replace(os.sep, "/"): path for path in paths}
    return dict(sorted(files.items())), unmatched


def read_drop(path: Path, before: FileSeen | None) -> Drop | None:
    """What the file says beyond what was read of it before; None when it is as it was.

    A file that did not only grow is read from its start again. A last line without its end is taken when it is whole,
    and is otherwise left for the next time.

    Raises:
        DomainError: with every problem of what is new (the first 20, then how many more), each one sentence that names
            the file, the line, the value and the remedy.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if before and (before.size, before.modified_ns) == (status.st_size, status.st_mtime_ns):
                return None
            start, lines, digest = _resume(file, before, status.st_size)
            data = file.read(status.st_size - start)
    except OSError as error:
        raise DomainError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    body = data.removeprefix(_BOM) if start == 0 else data
    *whole, last = body.split(b"\n")
    unfinished = not _is_finished(last)
    reactions = _parse(path, whole if unfinished else [*whole, last], first_line=lines + 1)
    consumed = data[: len(data) - len(last)] if unfinished else data
    digest.update(consumed)
    seen = FileSeen(
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        consumed=start + len(consumed),
        sha256=digest.hexdigest(),
        lines=lines + len(whole),
    )
    return Drop(reactions=tuple(reactions), seen=seen, unfinished=unfinished)


def reaction_of(fields: Mapping[str, Any]) -> Reaction:
    """What one line's object says.

    Raises:
        DomainError: with every problem of the object, each continuing a sentence that names file and line.
    """
    raise_collected(DomainError, list(_problems(fields)))
    given = {key: value for key, value in fields.items() if value is not None}
    at = _moment(given["at"]) if "at" in given else None
    return Reaction(
        question=given["question"],
        answer=given["answer"],
        rating=given.get("rating"),
        edit=given.get("edit"),
        user=given.get("user"),
        item=given.get("id") or sha256_of({**given, "at": None if at is None else at.isoformat()}),
        given_at=at,
    )


def _resume(file: Any, before: FileSeen | None, size: int) -> tuple[int, int, Any]:
    """Where to read on, which line that is in (from 0), and the digest so far; the start when the file did not grow."""
    digest = hashlib.sha256()
    if before is not None and before.consumed <= size:
        left = before.consumed
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
        if digest.hexdigest() == before.sha256:
            return before.consumed, before.lines, digest
    file.seek(0)
    return 0, 0, hashlib.sha256()


def _is_finished(line: bytes) -> bool:
    """Whether the last line is whole: no part of a JSON object is an object, however it is cut."""
    if not line.strip():
        return True
    try:
        parse_object(line.decode("utf-8"))
    except (UnicodeDecodeError, DomainError):
        return False
    return True


def _parse(path: Path, lines: Sequence[bytes], first_line: int) -> list[Reaction]:
    reactions: list[Reaction] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=first_line):
        try:
            text = line.decode("utf-8")
            if text.strip():
                reactions.append(reaction_of(parse_object(text)))
        except UnicodeDecodeError as error:
            problems.append(f"{path} line {number} is not UTF-8 (byte {error.start} of the line); save it as UTF-8.")
        except DomainError as error:
            problems += [f"{path} line {number} {problem}" for problem in error.problems]
    more = len(problems) - MAX_PROBLEMS
    if more > 0:
        problems = problems[:MAX_PROBLEMS]
        problems.append(f"{path} has {more} more problem{'s' if more > 1 else ''}: correct these first.")
    raise_collected(DomainError, problems)
    return reactions


def _problems(fields: Mapping[str, Any]) -> Iterator[str]:
    for key in (key for key in fields if key not in KEYS):
        close = difflib.get_close_matches(key, KEYS, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else "remove it."
        yield f"has the unknown key {shown(key)} (value {shown(fields[key])}); {remedy}"
    for key in KEYS:
        value = fields.get(key)
        if value is not None:
            yield from _value_problems(key, value)
        elif key in _REQUIRED:
            yield f"has no `{key}`; write its text."
    if fields.get("rating") is None and fields.get("edit") is None:
        yield "has neither `rating` nor `edit`; give one, or leave the line out."


def _value_problems(key: str, value: Any) -> Iterator[str]:
    remedy = "write its text." if key in _REQUIRED else "correct it, or leave the key out."
    if not isinstance(value, str):
        yield f"has {kind_of(value)} as `{key}` (value {shown(value)}), not a string; {remedy}"
    elif key != "answer" and not value.strip():  # a model may say nothing, and a user may say what he thinks of that
        yield f"has a blank `{key}` (value {shown(value)}); {remedy}"
    elif key == "rating" and value not in RATINGS:
        yield f"has the rating {shown(value)}, not {' or '.join(RATINGS)}; {remedy}"
    elif key == "at" and _moment(value) is None:
        yield (
            f"has the time {shown(value)}, not one in ISO 8601 with its zone, such as 2026-01-31T09:30:00Z; {remedy}"
        )


def _moment(text: str) -> datetime | None:
    """The moment in UTC; None when the text is no time, or one without a zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):  # OverflowError: in UTC it would be before the year 1 or after 9999
        return None
