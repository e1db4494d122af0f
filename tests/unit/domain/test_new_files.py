from pathlib import Path

import pytest

from tasks.domain.new_files import write_new_files
from tasks.errors import DomainError


def test_files_are_written_in_order_below_folders_made_for_them(tmp_path: Path) -> None:
    paths = write_new_files(tmp_path / "new", {"b/c.txt": "Zürich\n", "a.txt": ""})
    assert paths == [tmp_path / "new/b/c.txt", tmp_path / "new/a.txt"]
    assert paths[0].read_bytes() == "Zürich\n".encode()


def test_when_one_file_exists_none_is_written_and_each_is_named(tmp_path: Path) -> None:
    for name in ("a.txt", "c.txt"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(DomainError) as caught:
        write_new_files(tmp_path, {"a.txt": "x", "b.txt": "x", "c.txt": "x"})
    assert caught.value.problems == tuple(
        f"{tmp_path / name} exists already: choose another folder, or move it away; it was left as it is."
        for name in ("a.txt", "c.txt")
    )
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "b.txt").exists()


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("mine", encoding="utf-8")
    with pytest.raises(DomainError) as caught:
        write_new_files(tmp_path / "new", {"docs/a.txt": "x"})
    assert caught.value.problems == (
        f"{tmp_path / 'new' / 'docs/a.txt'} cannot be written (Not a directory): choose another folder.",
    )
