"""What vLLM takes as a LoRA adapter, and the command that serves one. Pure.

vLLM reads PEFT's adapter_config.json and refuses what its kernels cannot do (`vllm/lora/peft_helper.py`); ranks are
rounded up to one of a fixed list (`vllm/config/lora.py`, version 0.22).
"""

import shlex
from collections.abc import Mapping
from typing import Any

from tasks.errors import ExportError

MAX_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_BASE = "BASE"


def served_rank(adapter_config: Mapping[str, Any]) -> int:
    """The `--max-lora-rank` to serve an adapter with: the smallest of vLLM's that its rank fits in.

    Raises:
        ExportError: when vLLM cannot serve the adapter, with every reason.
    """
    rank = int(adapter_config["r"])
    reasons = {
        f"the rank {rank} is above {MAX_LORA_RANKS[-1]}": rank > MAX_LORA_RANKS[-1],
        f"it is {adapter_config.get('peft_type')} and not LORA": adapter_config.get("peft_type", "LORA") != "LORA",
        "DoRA is not supported": bool(adapter_config.get("use_dora")),
        f"modules_to_save {adapter_config.get('modules_to_save')} is not supported": bool(
            adapter_config.get("modules_to_save")
        ),
        f"bias {adapter_config.get('bias')!r} is not supported": adapter_config.get("bias", "none") != "none",
        "ranks or alphas that differ by module are not supported": any(
            adapter_config.get(key) for key in ("rank_pattern", "alpha_pattern")
        ),
    }
    if found := [reason for reason, holds in reasons.items() if holds]:
        raise ExportError(f"vLLM cannot serve this adapter ({'; '.join(found)}): leave out adapter, and serve merged.")
    return next(allowed for allowed in MAX_LORA_RANKS if rank <= allowed)


def serve_command(hub: tuple[str, str] | None, name: str, rank: int, max_new_tokens: int) -> str:
    """The shell command that serves the adapter in the current folder as the model `name`, decoding as evaluated.

    Args:
        hub: id and commit of a base that vLLM downloads; None: BASE stands for its folder.
    """
    base, revision = hub or (_BASE, None)
    words = [
        *("vllm", "serve", base),
        *(("--revision", revision) if revision else ()),
        *("--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"{name}=."),
        *("--chat-template", "chat_template.jinja"),
        *("--override-generation-config", f'{{"temperature": 0, "max_new_tokens": {max_new_tokens}}}'),
    ]
    return shlex.join(words)


def readme(name: str, version: int, base: str, base_sha256: str, command: str, *, on_hub: bool) -> str:
    """The README of the adapter's folder, Markdown."""
    where = (
        "vLLM downloads it at this commit."
        if on_hub
        else f"{_BASE} is its folder: `FOLDER/merged`, after `ratchet export --version 1 --format merged --out FOLDER`."
    )
    return f"""# {name}, version {version}: LoRA adapter

It belongs on `{base}` (sha256 of weights, config and tokenizer: `{base_sha256}`)
and on no other model, of that name or another.

## vLLM

In this folder:

    {command}

{where} Ask for the model `{name}`.
The chat template has the prompt that the model was evaluated with; a system message in a request replaces it.

`export.json` has the sha256 of every file, and how the answers were compared with those of the evaluated model.
"""
