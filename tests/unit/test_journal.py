"""What was appended is there again; what was torn or altered is left out and counted."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import HomeError
from tasks.journal import open_journal

ENTRIES = [{"key": str(number), "text": "naïve \u2028 日本\n" * number} for number in range(5)]


def write(path: Path, entries: list[dict[str, str]]) -> None:
    with open_journal(path) as journal:
        for entry in entries:
            journal.append(entry)


def read(path: Path) -> tuple[list[dict[str, str]], int]:
    with open_journal(path) as journal:
        return journal.entries, journal.damaged


def test_entries_come_back_in_order_over_many_openings(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal"
    write(path, ENTRIES[:2])
    write(path, ENTRIES[2:])
    assert read(path) == (ENTRIES, 0)
    assert path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=60)
@given(st.data())
def test_a_journal_cut_anywhere_keeps_its_whole_lines_and_takes_new_ones(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal"
    write(path, ENTRIES)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    # A line that only lacks its end is whole.
    kept = sum(end <= cut for end, byte in enumerate(whole) if byte == ord("\n"))
    entries, _ = read(path)
    assert entries == ENTRIES[:kept]
    write(path, [{"key": "new", "text": ""}])
    entries, damaged = read(path)
    assert entries == [*ENTRIES[:kept], {"key": "new", "text": ""}]
    assert damaged <= 1


def test_an_altered_line_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    write(path, ENTRIES)
    path.write_bytes(path.read_bytes().replace(b'"key":"3"', b'"key":"9"'))
    assert read(path) == ([*ENTRIES[:3], ENTRIES[4]], 1)
    path.write_bytes(b"\x00\xff garbage\n" + path.read_bytes())
    assert read(path) == ([*ENTRIES[:3], ENTRIES[4]], 2)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(HomeError, match=r"journal.*: (check the disk|make its folder)"),
        open_journal(tmp_path / "file" / "journal"),
    ):
        pass


def test_a_full_disk_is_one_sentence_and_the_next_line_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write_all = tmp_path / "journal", os.write
    write(path, ENTRIES[:1])
    with open_journal(path) as journal:
        monkeypatch.setattr(os, "write", lambda file, data: write_all(file, data[: len(data) // 2]))
        with pytest.raises(HomeError, match=r"No space left to write .*journal"):
            journal.append(ENTRIES[1])
        monkeypatch.undo()
        journal.append(ENTRIES[2])
    assert read(path) == ([ENTRIES[0], ENTRIES[2]], 1)


def test_a_hundred_thousand_entries_are_read_within_seconds(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    content = '{"reason": "' + "r" * 200 + '", "preference": "first"}'
    started = time.monotonic()
    with open_journal(path) as journal:
        for number in range(100_000):
            journal.append({"key": f"{number:064}", "content": content})
    written_s = time.monotonic() - started
    started = time.monotonic()
    entries, damaged = read(path)
    read_s = time.monotonic() - started
    assert (len(entries), damaged) == (100_000, 0)
    assert read_s < 10 and written_s < 30, f"read in {read_s:.1f} s, written in {written_s:.1f} s"
    print(f"100,000 entries written in {written_s:.2f} s, read in {read_s:.2f} s")
