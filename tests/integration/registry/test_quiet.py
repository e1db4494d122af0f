"""MLflow reports to nobody, says nothing without need, and is not imported before it is used."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

IMPORTS = """
import pkgutil, sys
import tasks.registry
for module in pkgutil.iter_modules(tasks.registry.__path__, "tasks.registry."):
    __import__(module.name)
heavy = {"mlflow", "torch", "transformers", "peft", "trl", "sqlalchemy", "numpy"} & set(sys.modules)
print(sorted(heavy))
"""

FIRST_USE = """
from pathlib import Path
from tasks.config import Config
from tasks.home import find_home
from tasks.registry import tracking

home = find_home()
config = Config(name="demo", questions="q.jsonl", root=Path.cwd())
run_id = tracking.open_run(config, home, key="k", name="n", tags={})
tracking.log_text(config, home, run_id, "text", "a.txt")
tracking.close_run(config, home, run_id)

from mlflow.telemetry import get_telemetry_client
assert get_telemetry_client() is None, "telemetry is on"
"""


def run_python(script: str, folder: Path, **environment: str) -> Any:
    """A fresh interpreter that cannot tell it is tested: MLflow's telemetry is off in tests anyway."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MLFLOW", "CI"))}
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_imports_no_heavy_library(tmp_path: Path):
    finished = run_python(IMPORTS, tmp_path)
    assert (finished.stdout, finished.stderr) == ("[]\n", "")


@pytest.fixture(scope="module")
def first_use(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("first")
    return run_python(FIRST_USE, folder, RATCHET_HOME=str(folder / "home")), folder


def test_the_first_use_prints_nothing_and_reports_to_nobody(first_use: Any):
    finished, _ = first_use
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_the_first_use_writes_nothing_outside_the_home(first_use: Any):
    _, folder = first_use
    assert [path.name for path in folder.iterdir()] == ["home"]
    assert sorted(path.name for path in (folder / "home").iterdir()) == ["mlartifacts", "mlflow.db"]
