"""What ran: the facts that someone needs to repeat a run on another machine."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from tasks.config import Config

LIBRARIES = (
    "accelerate",
    "datasets",
    "mlflow",
    "numpy",
    "peft",
    "prefect",
    "safetensors",
    "scipy",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
)

GIT_TIMEOUT_S = 10.0


def describe_environment(config: Config) -> dict[str, Any]:
    """Python, platform, library versions, torch's threads and devices, and the commits of code and config.

    A library that is not installed, and a folder that is in no git checkout, has the value None.
    """
    import torch

    return {
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "ratchet": library_version("ratchet-llm"),
        "libraries": {name: library_version(name) for name in LIBRARIES},
        "torch_threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "cuda_devices": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "git_commit": git_commit(config.root),
        "ratchet_git_commit": git_commit(Path(__file__).parent),
        "config_sha256": config.sha256,
    }


def library_version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_commit(folder: Path) -> str | None:
    """The commit (40 hex digits) checked out in the folder, `-dirty` behind it when files differ from it.

    None when the folder is in no git checkout, has no commit yet, or there is no git.
    """
    # `--exclude=*` leaves out every tag, so that describe falls back to the commit itself.
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
