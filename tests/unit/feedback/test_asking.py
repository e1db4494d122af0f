"""What annotators are told, and when nobody is asked."""

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.feedback.asking import choose_label_requests, push_label_requests, read_guidelines
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.records import BaseModelRef, Domain, FileRef, ModelVersion
from tasks.rounds import Round
from tasks.settings.feedback import HumanFeedbackSettings

NOTHING = FileRef(sha256="0" * 64, rows=0)
OPENED = Round(
    number=1,
    domain=Domain(
        name="d", questions=NOTHING, documents=NOTHING, train_questions=0, test_questions=0, shared_families=0
    ),
    champion=ModelVersion(name="d", version=1, base=BaseModelRef(id="t", path="/t", sha256="b" * 64)),
)


def config(root: Path, **settings: object) -> Config:
    asked = HumanFeedbackSettings.model_validate(settings)
    return Config(name="my-domain", questions="q.jsonl", human_feedback=asked, root=root)


def test_the_built_in_guidelines_name_the_domain(tmp_path: Path) -> None:
    assert "**my-domain**" in read_guidelines(config(tmp_path))


def test_guidelines_of_one_s_own_are_read_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("# Wähle {gut}\n", encoding="utf-8")
    assert read_guidelines(config(tmp_path, guidelines="guide.md")) == "# Wähle {gut}\n"


@pytest.mark.parametrize("data", [None, b"\xff\xfe\x00"])
def test_guidelines_that_cannot_be_read_are_named(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "guide.md").write_bytes(data)
    with pytest.raises(ConfigError, match=r"^human_feedback\.guidelines: .*guide\.md cannot be read \(.*\): name a"):
        read_guidelines(config(tmp_path, guidelines="guide.md"))


def test_nobody_is_asked_where_the_config_names_no_argilla(tmp_path: Path, ratchet_home: Path) -> None:
    home, hardware = Home(ratchet_home), Hardware(device="cpu", dtype="float32", threads=1)
    assert choose_label_requests(config(tmp_path), home, OPENED, [], [], hardware) == []
    assert push_label_requests(config(tmp_path), home, OPENED, []) == ()
    assert not ratchet_home.exists()
