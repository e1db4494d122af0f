"""A round that exports its challenger, and `ratchet export`, through the real command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORMS = ["merged", "adapter", "gguf"]


@pytest.fixture(scope="module")
def ratchet(make_ratchet: Callable[..., Any]) -> Any:
    """The domain after a first round that exported. The tests of this file go on from each other's state."""
    ratchet = make_ratchet(promote={"min_test_questions": 5, "export": FORMS})
    ratchet.go()
    return ratchet


def exported(ratchet: Any) -> Path:
    """Where the round put its challenger's forms."""
    [folder] = (ratchet.home / "exports").iterdir()
    return Path(folder)


def decide_again(ratchet: Any) -> dict[str, Any]:
    """The checks by name after the promote stage ran once more, as after a kill before its record was written."""
    for name in ("promote.json", "end.json"):
        (ratchet.round_folder / name).unlink()
    ratchet.json("promote", str(ratchet.config))
    return {check["name"]: check for check in ratchet.record("promote")["certificate"]["checks"]}


def test_a_challenger_is_promoted_that_answers_alike_in_every_form(ratchet: Any) -> None:
    decision = ratchet.record("promote")
    assert decision["promoted"]
    [check] = [each for each in decision["certificate"]["checks"] if each["name"] == "same_answers_in_every_form"]
    assert check["passed"]
    assert [(form["form"], form["passed"]) for form in decision["evidence"]["forms"]] == [
        (form, True) for form in FORMS
    ]
    assert exported(ratchet).name == decision["challenger"]["adapter"]["sha256"]
    assert sorted(path.name for path in exported(ratchet).iterdir()) == sorted(FORMS)


def test_the_report_has_the_parity_table(ratchet: Any) -> None:
    folder = ratchet.round_folder / "report"
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [form["form"] for form in report["decision"]["evidence"]["forms"]] == FORMS
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>The same model in every form</h2>" in page
    assert str(ratchet.home) not in page.partition("The same model in every form")[2].partition("</section>")[0]


def test_the_command_exports_the_champion_and_says_what_was_found(ratchet: Any) -> None:
    out = ratchet.config.parent / "out"
    arguments = ("export", "--config", str(ratchet.config), "--format", "gguf", "--out", str(out))
    result = ratchet.json(*arguments)
    assert result["version"] == 2
    [form] = result["forms"]
    assert (form["form"], form["passed"], form["folder"]) == ("gguf", True, str(out / "gguf"))
    assert {path.suffix for path in (out / "gguf").iterdir()} >= {".gguf", ".json"}
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    refused = ratchet.run(*arguments)
    assert refused.returncode == 1
    assert refused.stderr == f"error: {out} is not empty (notes.txt): name a new folder to export into.\n"


def test_corrupted_exports_block_the_promotion_by_name(ratchet: Any) -> None:
    [gguf], adapter = exported(ratchet).glob("gguf/*.gguf"), exported(ratchet) / "adapter" / "adapter_model.safetensors"
    gguf.write_bytes(gguf.read_bytes()[:-1000] + bytes(1000))  # weights of the last tensor
    adapter.write_bytes(adapter.read_bytes()[: adapter.stat().st_size // 2])
    check = decide_again(ratchet)["same_answers_in_every_form: adapter, gguf"]
    assert not check["passed"]
    assert check["sentence"] == (
        "Not the same model in every form: adapter was altered after it was exported (adapter_model.safetensors): "
        f"delete it, and export again; gguf was altered after it was exported ({gguf.name}): "
        "delete it, and export again."
    )
    assert not ratchet.record("promote")["promoted"]
    assert [path.name for path in exported(ratchet).iterdir()] == ["merged"]
