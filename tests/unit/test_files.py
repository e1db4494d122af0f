"""Files are whole or absent, and named by what they hold."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import files
from tasks.errors import HomeError, IntegrityError
from tasks.files import (
    bytes_on_disk,
    canonical_json,
    describe_write_error,
    encode_rows,
    parse_rows,
    read_record,
    read_rows,
    read_verified,
    sha256_of,
    sha256_of_directory,
    sha256_of_file,
    write_atomically,
    write_rows,
)
from tasks.records import FileRef, Message, MetricSummary

REPOSITORY = Path(__file__).parents[2]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def spelled(value: Any) -> str:
    """Canonical JSON written a second time, from its definition."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{spelled(key)}:{spelled(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def reordered(value: Any) -> Any:
    """An equal value whose dicts were filled in the opposite order."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_canonical_json_is_one_text_for_equal_values_and_reads_back(value: Any) -> None:
    text = canonical_json(value)
    assert text == spelled(value) == canonical_json(reordered(value))
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.0, None, True]}, '{"a":[1.0,null,true],"b":1}'),
        ({"é": "日本\u2028", "e": "\n\t\x00"}, '{"e":"\\n\\t\\u0000","é":"日本\u2028"}'),
        (Message(role="user", content="“hi”"), '{"content":"“hi”","role":"user"}'),
        ([], "[]"),
    ],
)
def test_canonical_json_has_sorted_keys_no_spaces_and_plain_utf8(value: Any, text: str) -> None:
    assert canonical_json(value) == text
    assert sha256_of(value) == hashlib.sha256(text.encode("utf-8")).hexdigest()


@pytest.mark.parametrize("value", [float("nan"), [float("-inf")], MetricSummary(mean=float("nan"), ci95=(0, 1))])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_a_file_is_hashed_by_its_bytes_beyond_one_chunk(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 7)
    (tmp_path / "big").write_bytes(data)
    assert sha256_of_file(tmp_path / "big") == hashlib.sha256(data).hexdigest()


def test_a_directory_hash_covers_names_and_contents(tmp_path: Path) -> None:
    def hash_of(contents: dict[str, str], names: list[str] | None = None) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, text in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return sha256_of_directory(folder, names)

    hashes = [hash_of({"a": "1", "b/c": "2"}), hash_of({"a": "2", "b/c": "1"}), hash_of({"a": "1", "bc": "2"})]
    assert len(set(hashes)) == 3
    assert hash_of({"b/c": "2", "a": "1"}) == hashes[0]
    assert hash_of({"a": "1", "b/c": "2", "log": "x"}, ["b/c", "a"]) == hashes[0]


def test_a_write_makes_the_folder_replaces_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "No space left to write {}: free some disk, or set RATCHET_HOME to a larger one."),
        (errno.EDQUOT, "No space left to write {}: free some disk, or set RATCHET_HOME to a larger one."),
        (errno.EROFS, "{} cannot be written (Read-only file system): make its folder writable, or set RATCHET_HOME"),
        (errno.EIO, "Writing {} failed (Input/output error): check the disk, or set RATCHET_HOME elsewhere."),
    ],
)
def test_a_failed_write_keeps_the_old_file_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, number: int, sentence: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*{"fsync": (files.os, "fsync", fail), "replace": (Path, "replace", fail)}[failing])
    with pytest.raises(HomeError) as caught:
        write_atomically(path, b"new")
    assert str(caught.value).startswith(sentence.format(path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_really_full_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    # A tmpfs of 64 kB, mounted in a namespace of its own, which takes it away when the process ends.
    script = f"""
from pathlib import Path
from tasks.errors import HomeError
from tasks.files import write_atomically
folder = Path({str(tmp_path)!r})
write_atomically(folder / "file", b"old")
try:
    write_atomically(folder / "file", b"x" * 200_000)
except HomeError as error:
    print(error)
print((folder / "file").read_text(), [path.name for path in folder.iterdir()])
"""
    mount = f'mount -t tmpfs -o size=64k none "{tmp_path}" || exit 77; exec "$0" -c "$1"'
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    try:
        done = subprocess.run(
            ["unshare", *flags, "sh", "-c", mount, sys.executable, script],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("this machine has no unshare command to mount a small disk with")
    if "unshare" in done.stderr or done.returncode == 77:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    assert done.stdout.splitlines() == [
        f"No space left to write {tmp_path / 'file'}: free some disk, or set RATCHET_HOME to a larger one.",
        "old ['file']",
    ], done.stderr


@pytest.mark.parametrize("folder", ["a file", "/proc"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, folder: str) -> None:
    # Root passes every permission check, so these are folders that nobody can write.
    (tmp_path / "a file").write_bytes(b"")
    path = tmp_path / folder / "below" / "file"
    with pytest.raises(HomeError) as caught:
        write_atomically(path, b"x")
    assert str(path) in str(caught.value)
    assert "RATCHET_HOME" in str(caught.value)


def test_a_permission_error_names_its_remedy() -> None:
    sentence = describe_write_error(Path("/h"), PermissionError(errno.EACCES, "Permission denied"))
    expected = "/h cannot be written (Permission denied): make its folder writable, or set RATCHET_HOME elsewhere."
    assert sentence == expected


messages = st.lists(st.builds(Message, role=st.sampled_from(["user", "assistant"]), content=st.text()), max_size=5)


@given(messages)
def test_rows_survive_the_file_whatever_their_text(rows: list[Message]) -> None:
    data, count = encode_rows(rows)
    assert count == len(rows) == data.count(b"\n")
    assert list(parse_rows(data, Message)) == rows


def test_rows_are_written_once_under_the_hash_of_their_bytes(tmp_path: Path) -> None:
    rows = [Message(role="user", content="line\u2028separator\r\n")]
    reference = write_rows(tmp_path, rows)
    path = tmp_path / f"{reference.sha256}.jsonl"
    assert sha256_of_file(path) == reference.sha256
    written = path.stat().st_mtime_ns
    assert write_rows(tmp_path, [row.model_dump() for row in rows]) == reference
    assert path.stat().st_mtime_ns == written
    assert read_rows(tmp_path, reference, Message) == rows


@pytest.mark.parametrize("damage", [b"", b"x", b'{"content":"b","role":"user"}\n'])
def test_a_damaged_file_is_named_and_not_read(tmp_path: Path, damage: bytes) -> None:
    reference = write_rows(tmp_path, [Message(role="user", content="a")])
    path = tmp_path / f"{reference.sha256}.jsonl"
    path.write_bytes(damage)
    found = hashlib.sha256(damage).hexdigest()[:12]
    with pytest.raises(IntegrityError) as caught:
        read_rows(tmp_path, reference, Message)
    assert str(caught.value) == (
        f"{path} was altered or truncated (sha256 {found}, expected {reference.sha256[:12]}): "
        "restore it from a backup, or delete it and run the round again."
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is missing: restore it from a backup, or run the round again"):
        read_rows(tmp_path, FileRef(sha256="0" * 64, rows=1), Message)
    (tmp_path / "file").write_bytes(b"x")
    assert read_verified(tmp_path / "file", hashlib.sha256(b"x").hexdigest()) == b"x"


def test_the_bytes_of_a_folder_are_those_of_all_files_below_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "one").write_bytes(b"123")
    (tmp_path / "below" / "two").write_bytes(b"4567")

    assert bytes_on_disk(tmp_path) == 7
    assert bytes_on_disk(tmp_path / "none") == 0


def test_a_record_is_read_back_and_none_where_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_record(path, FileRef, "delete it") is None
    path.write_text(canonical_json(FileRef(sha256="a" * 64, rows=1)), encoding="utf-8")
    assert read_record(path, FileRef, "delete it") == FileRef(sha256="a" * 64, rows=1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": "a"}', "\x00"])
def test_a_damaged_record_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError) as error:
        read_record(path, FileRef, "delete it")
    assert str(error.value) == f"{path} is damaged: delete it."
