"""`promote.export` names forms, and a name that is none is refused by what it may be."""

from pathlib import Path

import pytest

from tasks.config import load_config
from tasks.errors import ConfigError


def test_forms_are_listed_in_the_config_and_none_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text("name: shop\nquestions: q.jsonl\npromote: {export: [gguf, merged]}\n", encoding="utf-8")
    assert load_config(path).promote.export == ("gguf", "merged")
    path.write_text("name: shop\nquestions: q.jsonl\n", encoding="utf-8")
    assert load_config(path).promote.export == ()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[onnx]", "promote.export.0: 'onnx' is not accepted; it should be 'merged', 'adapter' or 'gguf'."),
        ("gguf", "promote.export: 'gguf' is not accepted; it should be a list."),
    ],
)
def test_what_is_no_list_of_forms_is_refused(tmp_path: Path, value: str, problem: str) -> None:
    path = tmp_path / "ratchet.yaml"
    path.write_text(f"name: shop\nquestions: q.jsonl\npromote: {{export: {value}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.problems == (f"{path}: {problem}",)
