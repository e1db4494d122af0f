"""The tests of the search engine inside argilla-server, which need Argilla's own Python environment."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests" / "argilla_server"
CONSTRAINTS = ROOT / "deploy" / "constraints.txt"
# What pytest needs beside Argilla's own packages, which it finds in the environment.
PYTEST = ("pytest", "pluggy", "iniconfig")


def test_they_pass(argilla_environment: Path, tmp_path: Path) -> None:
    python, uv = argilla_environment / "bin" / "python", argilla_environment / "bin" / "uv"
    overlay = tmp_path / "pytest"
    target = ["--python", python, "--target", overlay, "--constraints", CONSTRAINTS]
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", *target, *PYTEST], check=True)
    foreign = ("ARGILLA_", "PYTEST_", "PYTHON", "RATCHET_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}

    done = subprocess.run(
        [python, "-m", "pytest", "--quiet", TESTS],
        env={**kept, "PYTHONPATH": str(overlay), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout and "skipped" not in done.stdout, done.stdout
