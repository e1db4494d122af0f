"""Files of thumbs and edits: every problem is said, and a file that grows is read on from where it was."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DomainError
from tasks.feedback.production_files import Drop, FileSeen, match_files, read_drop

LINE = {"question": "Why?", "answer": "Because.", "rating": "up"}
BOTH = b'{"question":"Why?","answer":"So.","rating":"up"}\n{"question":"Who?","answer":"I.","edit":"You."}'


def write(folder: Path, *lines: Any, end: str = "\n") -> Path:
    path = folder / "drop.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + end, encoding="utf-8")
    return path


def read(path: Path, before: FileSeen | None = None) -> Drop:
    drop = read_drop(path, before)
    assert drop is not None
    return drop


def problems_of(path: Path) -> list[str]:
    with pytest.raises(DomainError) as raised:
        read_drop(path, None)
    return [problem.removeprefix(f"{path} ") for problem in raised.value.problems]


def test_a_line_says_who_when_and_what(tmp_path: Path) -> None:
    line = {**LINE, "edit": "Why not?", "user": "ann", "at": "2026-01-31T10:30:00+01:00", "id": "7"}
    (said,) = read(write(tmp_path, "", line, "   ")).reactions
    assert (said.question, said.answer, said.rating, said.edit) == ("Why?", "Because.", "up", "Why not?")
    assert (said.user, said.item, said.given_at) == ("ann", "7", datetime(2026, 1, 31, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({**LINE, "Rating": "up"}, 'has the unknown key "Rating" (value "up"); did you mean `rating`?'),
        ({**LINE, "x": 1}, 'has the unknown key "x" (value 1); remove it.'),
        ({"answer": "a", "rating": "up"}, "has no `question`; write its text."),
        ({"question": "q", "rating": "up"}, "has no `answer`; write its text."),
        ({**LINE, "question": " "}, 'has a blank `question` (value " "); write its text.'),
        ({**LINE, "answer": 3}, "has a number as `answer` (value 3), not a string; write its text."),
        ({**LINE, "rating": "1"}, 'has the rating "1", not up or down; correct it, or leave the key out.'),
        ({**LINE, "rating": True}, "has a boolean as `rating` (value true), not a string; correct it, or leave"),
        ({**LINE, "edit": ""}, 'has a blank `edit` (value ""); correct it, or leave the key out.'),
        (
            {**LINE, "at": "2026-01-31T10:30:00"},
            'has the time "2026-01-31T10:30:00", not one in ISO 8601 with its zone',
        ),
        ({**LINE, "at": "0001-01-01T00:00:00+14:00"}, 'has the time "0001-01-01T00:00:00+14:00", not one in ISO 8601'),
        ({**LINE, "rating": None}, "has neither `rating` nor `edit`; give one, or leave the line out."),
        ("[1]", "is a list, not an object"),
        ('{"question": "a" "b"}', "is not valid JSON"),
        ('{"question": "a", "question": "b"}', 'has the key "question" twice'),
    ],
)
def test_each_bad_line_is_named_with_its_remedy(tmp_path: Path, line: Any, problem: str) -> None:
    (found,) = problems_of(write(tmp_path, LINE, line, LINE))
    assert found.startswith(f"line 2 {problem}")


def test_all_problems_of_a_file_are_said_at_once_up_to_twenty(tmp_path: Path) -> None:
    found = problems_of(write(tmp_path, *[{**LINE, "rating": "x"}] * 22))
    assert len(found) == 21 and found[-1] == "has 2 more problems: correct these first."


def test_a_line_that_is_not_utf8_is_named_in_the_middle_and_waited_for_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "drop.jsonl"
    path.write_bytes(BOTH + b"\n\xff\xfe\n")
    assert problems_of(path) == ["line 3 is not UTF-8 (byte 0 of the line); save it as UTF-8."]
    path.write_bytes(BOTH + b'\n{"question": "na\xc3')
    assert (len(read(path).reactions), read(path).unfinished) == (2, True)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "none.jsonl")[0].startswith("cannot be read (No such file or directory)")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@given(cuts=st.lists(st.integers(0, len(BOTH) + 4), max_size=4), ended=st.booleans())
def test_a_file_that_grows_in_any_steps_says_each_thing_once(
    tmp_path_factory: pytest.TempPathFactory, bom: bytes, cuts: list[int], ended: bool
) -> None:
    whole = bom + BOTH + (b"\n" if ended else b"")
    path = tmp_path_factory.mktemp("drop") / "drop.jsonl"
    seen, said = None, []
    for size in [*sorted(cuts), len(whole)]:
        path.write_bytes(whole[:size])
        if (drop := read_drop(path, seen)) is not None:
            seen = drop.seen
            said += [each.question for each in drop.reactions]
    assert said == ["Why?", "Who?"]
    assert read_drop(path, seen) is None


def test_a_part_of_a_line_is_left_for_the_next_time_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, LINE, '{"question": "Who', end="")
    first = read(path)
    assert (len(first.reactions), first.unfinished) == (1, True)
    with path.open("a") as file:
        file.write('?", "answer": "I.", "rating": "x"}\n')
    with pytest.raises(DomainError, match="line 2 has the rating"):
        read_drop(path, first.seen)


def shrunk(path: Path) -> None:
    path.write_text(json.dumps({**LINE, "id": "new"}) + "\n")


def rewritten(path: Path) -> None:
    path.write_text(path.read_text().replace("Because", "Perhaps") + json.dumps({**LINE, "id": "new"}) + "\n")


@pytest.mark.parametrize("change", [shrunk, rewritten])
def test_a_file_that_did_not_only_grow_is_read_from_its_start(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = write(tmp_path, *[{**LINE, "id": str(number)} for number in range(3)])
    first = read(path)
    change(path)
    os.utime(path, ns=(0, first.seen.modified_ns + 1))
    assert len(read(path, first.seen).reactions) == path.read_text().count("\n")


def test_only_what_is_new_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, *[LINE] * 50)
    first = read(path)
    with path.open("a") as file:
        file.write(json.dumps(LINE) + "\n")
    parsed: list[str] = []
    from tasks.feedback import production_files

    original = production_files.parse_object
    monkeypatch.setattr(production_files, "parse_object", lambda line: parsed.append(line) or original(line))
    assert len(read(path, first.seen).reactions) == 1
    assert len(parsed) == 1


def test_a_line_without_an_id_is_told_apart_by_its_content_however_it_is_written(tmp_path: Path) -> None:
    at = {"at": "2026-01-31T10:30:00+01:00"}, {"at": "2026-01-31T09:30:00Z"}
    lines = [{**LINE, **at[0]}, dict(reversed({**LINE, **at[1], "user": None}.items())), {**LINE, "answer": "No."}]
    first, again, other = (each.item for each in read(write(tmp_path, *lines)).reactions)
    assert first == again != other


def test_globs_start_at_the_configs_folder_and_name_each_file_once(tmp_path: Path) -> None:
    for name in ("a.jsonl", "in/b.jsonl", "odd [1].jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, unmatched = match_files(tmp_path, ["**/*.jsonl", "*.jsonl", "odd [1].jsonl", "none/*.jsonl", "in"])
    assert list(files) == ["a.jsonl", "in/b.jsonl", "odd [1].jsonl"]
    assert unmatched == ["none/*.jsonl", "in"]
