"""Imports argilla_server's modules without its web application.

The package's own `__init__` builds the whole application: 250 MB and 7 s that only the server needs.
"""

import importlib.util
import sys


def register_package() -> None:
    """Puts the package into `sys.modules` without running its `__init__`; its submodules import as ever."""
    spec = importlib.util.find_spec("argilla_server")
    if spec is None:
        raise ModuleNotFoundError("argilla_server is not installed beside this Python")
    sys.modules.setdefault("argilla_server", importlib.util.module_from_spec(spec))
