"""A form is in place whole or not at all, and what else lies there is never taken for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import ExportError, HomeError, IntegrityError
from tasks.exporting import folders
from tasks.exporting.folders import find_export, hash_files, hold, publish, refuse_strangers, require_space, unfinished
from tasks.records import ExportManifest, FormParity

KEY = "a" * 64
PARITY = FormParity(
    form="merged",
    numbers="float32",
    loaded_with="transformers 5",
    prompts=4,
    equal_answers=1.0,
    max_gap=0.0,
    tolerance=0.001,
    passed=True,
)


def manifest(folder: Path, key: str = KEY) -> ExportManifest:
    return ExportManifest(
        key=key,
        name="demo",
        version=2,
        form="merged",
        numbers="float32",
        base="tiny",
        base_sha256="b" * 64,
        adapter_sha256=None,
        files=hash_files(folder),
        parity=PARITY,
    )


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A form in place: two files and the manifest."""
    with hold(tmp_path / "out"), unfinished(tmp_path / "out") as temporary:
        (temporary / "deeper").mkdir()
        (temporary / "model.safetensors").write_bytes(b"weights")
        (temporary / "deeper" / "config.json").write_bytes(b"{}")
        (temporary / "model.safetensors").chmod(0o600)
        publish(temporary, tmp_path / "out" / "merged", manifest(temporary))
    return tmp_path / "out" / "merged"


def test_a_published_form_is_found_again_whole_and_readable_for_others(exported: Path) -> None:
    found = find_export(exported, KEY)
    assert found is not None
    assert set(found.files) == {"model.safetensors", "deeper/config.json"}
    assert exported.stat().st_mode & 0o777 == 0o755
    assert (exported / "model.safetensors").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in exported.parent.iterdir()] == ["merged"]


def test_where_nothing_is_nothing_is_found(tmp_path: Path) -> None:
    assert find_export(tmp_path / "merged", KEY) is None


def test_work_that_was_not_published_is_gone_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hold(tmp_path), unfinished(tmp_path) as temporary:
        (temporary / "half").write_bytes(b"x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".export.killed").mkdir()
    (tmp_path / ".export.killed" / "half").write_bytes(b"x")
    refuse_strangers(tmp_path, ("merged",))
    with hold(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_another_export_is_refused_by_version(exported: Path) -> None:
    with pytest.raises(ExportError) as caught:
        find_export(exported, "c" * 64)
    assert str(caught.value) == (
        f"{exported} exists already and is another export (version 2, float32): name another folder, or delete it."
    )


@pytest.mark.parametrize("as_file", [True, False])
def test_what_is_no_export_is_refused(tmp_path: Path, as_file: bool) -> None:
    target = tmp_path / "merged"
    target.write_bytes(b"x") if as_file else target.mkdir()
    with pytest.raises(ExportError, match="merged exists already and is no export: name another folder, or delete it"):
        find_export(target, KEY)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"weight"), "model.safetensors"),
        (lambda folder: (folder / "deeper" / "config.json").unlink(), "deeper/config.json"),
        (lambda folder: (folder / "more.bin").write_bytes(b""), "more.bin"),
    ],
    ids=["truncated", "missing", "new"],
)
def test_an_altered_export_is_no_longer_that_export(
    exported: Path, damage: Callable[[Path], object], named: str
) -> None:
    damage(exported)
    with pytest.raises(IntegrityError) as caught:
        find_export(exported, KEY)
    assert str(caught.value) == f"{exported} was altered after it was exported ({named}): delete it, and export again."


def test_a_damaged_manifest_is_told_from_a_missing_one(exported: Path) -> None:
    (exported / "export.json").write_text('{"layout": 1', encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"export\.json is damaged: export again elsewhere"):
        find_export(exported, KEY)


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"mine")
    with pytest.raises(ExportError) as caught:
        refuse_strangers(tmp_path, ("merged", "gguf"))
    assert str(caught.value) == f"{tmp_path} is not empty (notes.txt): name a new folder to export into."
    refuse_strangers(tmp_path / "absent", ("merged",))


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    with pytest.raises(ExportError, match="out is a file: name a folder to export into"), hold(tmp_path / "out"):
        pass


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with (
        pytest.raises(HomeError, match=r"Writing into .*out failed \(Not a directory\)"),
        hold(tmp_path / "file" / "out"),
    ):
        pass


def test_two_exports_into_one_folder_do_not_meet(tmp_path: Path) -> None:
    with (
        hold(tmp_path),
        pytest.raises(ExportError, match=f"Another process is exporting into {tmp_path}: wait for it, or name another"),
        hold(tmp_path),
    ):
        pass
    with hold(tmp_path):  # free again
        pass


def test_a_disk_without_room_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5_000_000})())
    require_space(tmp_path, 5_000_000)
    with pytest.raises(ExportError) as caught:
        require_space(tmp_path, 6_600_000)
    assert str(caught.value) == (
        f"{tmp_path} has 5 MB free and the export needs about 7 MB: free some disk, name a folder on another, or "
        "export fewer forms."
    )
