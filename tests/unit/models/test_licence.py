"""A base model's licence is read from its own files, and nothing else is taken for one."""

import struct
from pathlib import Path

import pytest

from tasks.models.embedded_gguf import EMBEDDED, find_embedded_gguf
from tasks.models.licence import gguf_licence, stated_licence
from tasks.records import BaseModelRef


def base(folder: Path, name: str = "tiny") -> BaseModelRef:
    return BaseModelRef(id=name, path=str(folder), sha256="b" * 64)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(*pairs: bytes, version: int = 3, magic: bytes = b"GGUF") -> bytes:
    return struct.pack("<4sIQQ", magic, version, 0, len(pairs)) + b"".join(pairs)


LICENCE = text("general.license") + struct.pack("<I", 8) + text("mit")
NUMBER = text("general.file_type") + struct.pack("<II", 4, 3)
LIST = text("general.languages") + struct.pack("<IIQ", 9, 8, 1) + text("en")


def test_the_embedded_models_licence_stands_in_its_gguf_file(tmp_path: Path):
    assert gguf_licence(find_embedded_gguf()) == "apache-2.0"
    assert stated_licence(base(tmp_path, EMBEDDED)) == ("apache-2.0", "GGUF metadata")


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlicense: mit\n---\n# Model\n", "mit"),
        ("---\nlicence: CC-BY-4.0\n---\n", "CC-BY-4.0"),
        ("---\nlicense: [mit]\n---\n", None),
        ("---\nlanguage: en\n---\n", None),
        ("license: mit\n", None),
        ("---\n: [\n---\n", None),
    ],
)
def test_a_readmes_front_matter_states_it(tmp_path: Path, readme: str, licence: str | None):
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    assert stated_licence(base(tmp_path)) == ((licence, "README.md") if licence else None)


def test_a_folder_without_a_readme_states_nothing(tmp_path: Path):
    assert stated_licence(base(tmp_path)) is None


@pytest.mark.parametrize(
    ("data", "licence"),
    [
        (gguf(NUMBER, LICENCE), "mit"),
        (gguf(LICENCE, version=2), "mit"),
        (gguf(NUMBER), None),
        (gguf(LIST, LICENCE), None),
        (gguf(LICENCE, version=1), None),
        (gguf(LICENCE, magic=b"GGML"), None),
        (gguf(LICENCE)[:-1], None),
        (gguf(text("general.license") + struct.pack("<I", 8) + struct.pack("<Q", 1 << 40)), None),
        (b"GGUF", None),
        (b"", None),
    ],
)
def test_a_gguf_file_is_read_up_to_its_first_list_and_a_damaged_one_states_nothing(
    tmp_path: Path, data: bytes, licence: str | None
):
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    assert gguf_licence(path) == licence


def test_a_gguf_file_that_is_not_there_states_nothing(tmp_path: Path):
    assert gguf_licence(tmp_path / "none.gguf") is None
