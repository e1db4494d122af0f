"""What vLLM cannot serve is refused with every reason; what it can gets a command with the right rank."""

import itertools
import json
import shlex
from typing import Any

import pytest

from tasks.errors import ExportError
from tasks.exporting.vllm import MAX_LORA_RANKS, readme, serve_command, served_rank

PLAIN: dict[str, Any] = {
    "peft_type": "LORA",
    "r": 16,
    "bias": "none",
    "use_dora": False,
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}


@pytest.mark.parametrize(
    ("rank", "served"), [(1, 1), (2, 8), (4, 8), (8, 8), (16, 16), (17, 32), (257, 320), (512, 512)]
)
def test_the_rank_is_rounded_up_to_one_that_vllm_has(rank: int, served: int) -> None:
    assert served_rank({**PLAIN, "r": rank}) == served
    assert served in MAX_LORA_RANKS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"r": 513}, "the rank 513 is above 512"),
        ({"peft_type": "ADALORA"}, "it is ADALORA and not LORA"),
        ({"use_dora": True}, "DoRA is not supported"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save ['lm_head'] is not supported"),
        ({"bias": "all"}, "bias 'all' is not supported"),
        ({"rank_pattern": {"q_proj": 4}}, "ranks or alphas that differ by module are not supported"),
        ({"alpha_pattern": {"q_proj": 4}}, "ranks or alphas that differ by module are not supported"),
        ({"use_dora": True, "bias": "all"}, "DoRA is not supported; bias 'all' is not supported"),
    ],
)
def test_what_vllm_cannot_do_is_refused_with_every_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ExportError) as caught:
        served_rank({**PLAIN, **changes})
    assert str(caught.value) == (f"vLLM cannot serve this adapter ({reason}): leave out adapter, and serve merged.")


def test_rank_stabilised_lora_is_served() -> None:
    assert served_rank({**PLAIN, "use_rslora": True}) == 16


def test_the_command_names_base_commit_adapter_rank_and_decoding() -> None:
    words = shlex.split(serve_command(("org/base", "c0ffee"), "shop", 16, 64))
    assert words[:3] == ["vllm", "serve", "org/base"]
    options = dict(itertools.pairwise(words))
    assert options["--revision"] == "c0ffee"
    assert "--enable-lora" in words
    assert options["--max-lora-rank"] == "16"
    assert options["--lora-modules"] == "shop=."
    assert options["--chat-template"] == "chat_template.jinja"
    assert json.loads(options["--override-generation-config"]) == {"temperature": 0, "max_new_tokens": 64}


def test_a_base_that_is_on_no_hub_is_written_by_a_command_that_the_readme_names() -> None:
    command = serve_command(None, "shop", 16, 64)
    assert command.startswith("vllm serve BASE --enable-lora")
    text = readme("shop", 2, "tiny", "b" * 64, command, on_hub=False)
    assert command in text
    assert "ratchet export --version 1 --format merged --out FOLDER" in text
    assert "b" * 64 in text
    assert "FOLDER" not in readme("shop", 2, "org/base", "b" * 64, command, on_hub=True)
