"""The ledger: a stage's record is reused under its own key and no other, and a damaged one is never trusted."""

import json
from pathlib import Path
from typing import Any

import pytest
from example_models import BASE
from example_rounds import CHAMPION, DOMAIN, OPENED, SNAPSHOT

from tasks.errors import IntegrityError
from tasks.home import Home
from tasks.records import Snapshot
from tasks.rounds import (
    begin_round,
    end_round,
    finished_stages,
    read_last,
    read_rounds,
    read_stage,
    revise_stage,
    write_stage,
)


def refusals(folder: Path) -> tuple[str, str]:
    """What is said of curate's file, read under its key and under whatever key."""
    with pytest.raises(IntegrityError) as read:
        read_stage(folder, "curate", "k", Snapshot)
    with pytest.raises(IntegrityError) as last:
        read_last(folder, "curate", Snapshot)
    return str(read.value), str(last.value)


def test_a_record_is_reused_under_its_key_only(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "k" * 64, SNAPSHOT)

    assert read_stage(folder, "curate", "k" * 64, Snapshot) == SNAPSHOT
    assert read_stage(folder, "curate", "x" * 64, Snapshot) is None
    assert read_stage(folder, "train", "k" * 64, Snapshot) is None
    assert read_last(folder, "curate", Snapshot) == SNAPSHOT


def test_a_stage_that_ran_again_replaces_its_record(home: Home) -> None:
    folder, again = home.round("tiny", 1), SNAPSHOT.model_copy(update={"sha256": "6" * 64})
    write_stage(folder, "curate", "old", SNAPSHOT)
    write_stage(folder, "curate", "new", again)

    assert read_stage(folder, "curate", "old", Snapshot) is None
    assert read_stage(folder, "curate", "new", Snapshot) == again


def test_a_round_that_has_left_nothing_has_no_records(home: Home) -> None:
    folder = home.round("tiny", 1)

    assert read_stage(folder, "curate", "k", Snapshot) is None
    assert read_last(folder, "curate", Snapshot) is None
    assert list(read_rounds(home, "tiny")) == []


@pytest.mark.parametrize("content", ["", '{"key": "k", "record": {"sha', "[]", "null", "\x00\x00\x00"])
def test_a_damaged_stage_file_is_named_and_not_trusted(home: Home, content: str) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_text(content, encoding="utf-8")
    message = f"{folder / 'curate.json'} is damaged: delete it, and the stage will run again."

    assert refusals(folder) == (message, message)


def test_a_stage_file_cut_at_any_byte_is_refused(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "k", SNAPSHOT)
    path = folder / "curate.json"
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(IntegrityError, match=r"curate\.json is damaged"):
            read_stage(folder, "curate", "k", Snapshot)


def test_bytes_that_are_no_utf8_are_named_as_damage(home: Home) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_bytes(b"\xff\xfe{}")

    with pytest.raises(IntegrityError, match=r"curate\.json is damaged"):
        read_stage(folder, "curate", "k", Snapshot)


@pytest.mark.parametrize("entry", [{"key": "k", "record": BASE.model_dump()}, {"key": "k", "record": []}, {"key": "k"}])
def test_a_record_of_another_kind_or_none_at_all_is_refused_by_name(home: Home, entry: dict[str, Any]) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_text(json.dumps(entry), encoding="utf-8")
    message = f"{folder / 'curate.json'} holds no Snapshot: delete it to run the stage again."

    assert refusals(folder) == (message, message)


def test_rounds_are_listed_in_their_order_each_with_its_end(home: Home) -> None:
    for number in (1, 2, 10):
        begin_round(home, number, DOMAIN, CHAMPION)
    for number in (1, 2):
        end_round(home, OPENED.model_copy(update={"number": number}), f"{number}" * 64)
    begin_round(home, 1, DOMAIN.model_copy(update={"name": "other"}), CHAMPION)

    listed = [(opened.number, end.inputs_sha256[0] if end else None) for opened, end in read_rounds(home, "tiny")]

    assert listed == [(1, "1"), (2, "2"), (10, None)]


def test_a_round_is_read_as_it_began(home: Home) -> None:
    begun = begin_round(home, 1, DOMAIN, CHAMPION)

    assert [opened for opened, _ in read_rounds(home, "tiny")] == [begun] == [OPENED]


def test_finished_stages_come_in_their_order_whatever_order_the_files_have(home: Home) -> None:
    opened = begin_round(home, 1, DOMAIN, CHAMPION)
    for stage in ("train", "collect", "curate"):
        write_stage(home.round("tiny", 1), stage, "k", SNAPSHOT)

    assert finished_stages(home, opened) == ["collect", "curate", "train"]


def test_another_record_of_a_stage_is_kept_under_the_key_that_it_ran_with(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "key", SNAPSHOT)
    other = SNAPSHOT.model_copy(update={"dropped": {"tie": 1}})

    revise_stage(folder, "curate", other)

    assert read_stage(folder, "curate", "key", Snapshot) == other
    assert read_stage(folder, "curate", "another key", Snapshot) is None
