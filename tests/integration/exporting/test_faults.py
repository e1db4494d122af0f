"""A form that is not the model does not stay; a killed export goes on; nobody's files are taken for an export."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from integration.exporting.conftest import QUESTIONS, World

from tasks.errors import ConfigError, ExportError, HomeError, IntegrityError
from tasks.exporting import export, parity
from tasks.exporting.export import export_challenger
from tasks.files import canonical_json
from tasks.gate.identity import same_answers_in_every_form


def alter_gguf(folder: Path) -> None:
    """Adds noise to one tensor in place, as a damaged disk or a wrong conversion would."""
    import numpy as np
    from gguf import GGUFReader

    [path] = folder.glob("*.gguf")
    [tensor] = [each for each in GGUFReader(path, "r+").tensors if each.name == "blk.0.ffn_down.weight"]
    noise = np.random.default_rng(0).standard_normal(tensor.data.shape) * 0.5
    tensor.data[:] = (tensor.data.astype(np.float32) + noise).astype(tensor.data.dtype)


def alter_merged(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.self_attn.v_proj.weight"] *= 1.5
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def truncate(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        [path] = folder.glob(name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return cut


def forget_the_prompt(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text(encoding="utf-8").partition("{% endif %}")[2], encoding="utf-8")


def end_elsewhere(folder: Path) -> None:
    path = folder / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "max_new_tokens": 3}), encoding="utf-8")


@pytest.fixture
def damage_when_written(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path], None]], None]:
    """Damages each form between writing and checking it."""

    def arm(damage: Callable[[Path], None]) -> None:
        write = export.write_form

        def write_and_damage(source: Any, form: Any, folder: Path) -> tuple[str, ...]:
            notes = write(source, form, folder)
            damage(folder)
            return notes

        monkeypatch.setattr(export, "write_form", write_and_damage)

    return arm


@pytest.mark.parametrize(
    ("form", "damage", "problem"),
    [
        ("merged", alter_merged, "merged, asked 'What does `itertools.chain` do?', is off by "),
        ("merged", truncate("model.safetensors"), "merged does not load: "),
        (
            "merged",
            forget_the_prompt,
            "merged, asked 'What does `itertools.chain` do?', reads another prompt: its token ",
        ),
        ("merged", end_elsewhere, "merged, asked 'What does `itertools.chain` do?', differs at token 4, where the "),
        (
            "adapter",
            truncate("adapter_model.safetensors"),
            "adapter does not load: The adapter in adapter does not load",
        ),
        ("gguf", alter_gguf, "gguf, asked 'What does `itertools.chain` do?', is off by "),
        ("gguf", truncate("*.gguf"), "gguf does not load: llama.cpp cannot serve gguf/demo-v2-F16.gguf ("),
    ],
)
def test_a_form_that_is_not_the_model_fails_by_name_and_is_not_left_in_place(
    world: World, damage_when_written: Any, form: str, damage: Callable[[Path], None], problem: str
) -> None:
    damage_when_written(damage)
    [verdict] = world.export(form).values()
    assert not verdict.passed
    assert verdict.problem is not None and verdict.problem.startswith(problem), verdict.problem
    assert str(world.config.root) not in verdict.problem
    assert list(world.folder.iterdir()) == []
    check = same_answers_in_every_form([verdict])
    assert (check.name, check.passed) == (f"same_answers_in_every_form: {form}", False)


def test_the_command_fails_with_form_prompt_and_gap(
    world: World, damage_when_written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"question": question, "answer": "A.", "split": "test"} for question in QUESTIONS]
    rows.append({"question": "Q", "answer": "A.", "split": "train"})
    (world.config.root / "questions.jsonl").write_text("".join(f"{canonical_json(row)}\n" for row in rows), "utf-8")
    monkeypatch.setattr(export.registry, "read_version", lambda config, home, number: world.version)
    damage_when_written(alter_gguf)
    with pytest.raises(ExportError) as caught:
        export.export_version(world.config, world.home, 2, ["gguf"], world.folder)
    assert str(caught.value).startswith(
        f"Not the model that was evaluated, so not left in {world.folder}: "
        "gguf, asked 'What does `itertools.chain` do?', is off by "
    )
    assert str(caught.value).endswith("(0.1 allowed).")


def test_an_export_that_is_there_is_not_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.export("adapter")
    before = (world.folder / "adapter" / "export.json").stat().st_mtime_ns
    monkeypatch.setattr(export, "answer_as_evaluated", lambda *arguments: pytest.fail("it was made again"))
    assert world.export("adapter") == first
    assert (world.folder / "adapter" / "export.json").stat().st_mtime_ns == before


def test_forms_may_be_added_to_an_export(world: World) -> None:
    world.export("adapter")
    assert list(world.export("merged", "adapter")) == ["merged", "adapter"]
    assert {path.name for path in world.folder.iterdir()} == {"merged", "adapter"}


def test_another_version_is_not_written_into_the_folder_of_one(world: World) -> None:
    world.export("adapter")
    other = World(world.config, world.home, world.version.model_copy(update={"version": 3}), world.folder)
    with pytest.raises(ExportError, match=r"adapter exists already and is another export \(version 2, as trained\)"):
        other.export("adapter")


def test_an_altered_export_is_an_error_in_somebodys_folder_and_stays(world: World) -> None:
    world.export("adapter")
    truncate("adapter_model.safetensors")(world.folder / "adapter")
    with pytest.raises(IntegrityError, match=r"was altered after it was exported \(adapter_model.safetensors\)"):
        world.export("adapter")
    assert (world.folder / "adapter").is_dir()


def test_in_ratchets_own_folder_an_altered_form_has_failed_and_is_made_again_the_next_time(world: World) -> None:
    world.export("adapter", own_folder=True)
    truncate("adapter_model.safetensors")(world.folder / "adapter")
    failed = world.export("adapter", own_folder=True)["adapter"]
    assert failed.problem == (
        "adapter was altered after it was exported (adapter_model.safetensors): delete it, and export again"
    )
    assert not (world.folder / "adapter").exists()
    assert world.export("adapter", own_folder=True)["adapter"].passed


def test_in_ratchets_own_folder_another_export_is_replaced(world: World) -> None:
    world.export("adapter", own_folder=True)
    config = world.config.model_copy(update={"system_prompt": "Another."})
    other = World(config, world.home, world.version, world.folder)
    assert other.export("adapter", own_folder=True)["adapter"].passed
    assert "Another." in (world.folder / "adapter" / "chat_template.jinja").read_text(encoding="utf-8")


def test_without_forms_in_the_config_a_challenger_is_not_exported(world: World) -> None:
    assert export_challenger(world.config, world.home, None, world.version) == ()  # type: ignore[arg-type]
    assert not world.home.exports.exists()


def test_the_base_has_no_adapter_to_export_but_the_other_forms(world: World) -> None:
    base = World(
        world.config, world.home, world.version.model_copy(update={"adapter": None, "version": 1}), world.folder
    )
    with pytest.raises(ExportError) as caught:
        base.export("adapter")
    assert str(caught.value) == "Version 1 is the base model and has no adapter: leave out adapter."
    assert all(verdict.passed for verdict in base.export("merged", "gguf").values())


def test_a_base_that_gguf_is_not_written_for_is_refused_before_anything_is_written(
    make_world: Callable[..., World],
) -> None:
    def scale(folder: Path) -> None:
        path = folder / "config.json"
        described = json.loads(path.read_text(encoding="utf-8"))
        described["rope_parameters"] = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
        path.write_text(json.dumps(described), encoding="utf-8")

    world = make_world(scale)
    with pytest.raises(ExportError, match="A LlamaForCausalLM with rope scaling 'linear' cannot be exported as GGUF"):
        world.export("merged", "gguf")
    assert not world.folder.exists()
    assert world.export("merged")["merged"].passed


def test_what_checks_gguf_must_be_installed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        world.export("gguf")
    assert str(caught.value) == (
        "Exporting gguf needs gguf and xllamacpp: `pip install gguf xllamacpp`, or leave out gguf."
    )


@pytest.mark.parametrize("size_kib", [16, 64, 150])
def test_a_disk_that_fills_is_one_sentence_and_nothing_is_left(
    world: World, small_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, size_kib: int
) -> None:
    monkeypatch.setattr(export, "bytes_needed", lambda source, form: 0)
    folder = small_disk(size_kib) / "out"
    with pytest.raises(HomeError, match=f"(No space left in|Writing into) {folder}"):
        world.export("merged", folder=folder)
    assert list(folder.iterdir()) == []


def test_a_killed_export_leaves_no_form_that_is_not_whole_and_goes_on(world: World) -> None:
    """Killed as soon as the last form's weights begin to appear; what was whole by then is kept."""
    child = os.fork()  # no new interpreter: importing torch would take longer than all the rest
    if child == 0:
        world.export("merged", "adapter", "gguf")
        os._exit(0)
    deadline = time.monotonic() + 120.0
    while not list(world.folder.glob(".export.*/*.gguf")):
        assert os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < deadline, "it could not be killed in time"
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = {path.name for path in world.folder.iterdir()}
    assert {"merged", "adapter"} < left and "gguf" not in left
    before = (world.folder / "merged" / "export.json").stat().st_mtime_ns
    assert all(verdict.passed for verdict in world.export("merged", "adapter", "gguf").values())
    assert {path.name for path in world.folder.iterdir()} == {"merged", "adapter", "gguf"}
    assert (world.folder / "merged" / "export.json").stat().st_mtime_ns == before
