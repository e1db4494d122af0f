"""A local judge is what its file holds: another file at its path is another judge, and a moved one the same."""

from pathlib import Path

import pytest
from example_judging import judge_all
from scripted_endpoint import ScriptedEndpoint, always_first, serve

from tasks.errors import ConfigError, ModelError
from tasks.home import Home
from tasks.judging.llm_judge import LlmJudge, open_judge
from tasks.records import Comparison
from tasks.settings.judging import JudgeSettings


def open_local(path: Path, home: Home, url: str) -> LlmJudge:
    """The judge of a GGUF file, at a server that stands in for llama.cpp's."""
    return open_judge(JudgeSettings(name="local", model=str(path)), home, url)


def test_a_local_judge_gets_no_key(ratchet_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "judge.gguf").write_bytes(b"GGUF one model")
    monkeypatch.setenv("JUDGE_KEY", "s3cret")
    settings = JudgeSettings(name="local", model=str(tmp_path / "judge.gguf"), api_key_variable="JUDGE_KEY")
    assert open_judge(settings, Home(ratchet_home), "http://127.0.0.1:9/v1").key.value == ""


def test_another_file_at_the_same_path_is_asked_anew_and_the_same_bytes_elsewhere_are_not(
    comparisons: list[Comparison], ratchet_home: Path, note: Path, tmp_path: Path
) -> None:
    home, path, elsewhere = Home(ratchet_home), tmp_path / "judge.gguf", tmp_path / "moved" / "other.gguf"
    path.write_bytes(b"GGUF one model")
    with serve(ScriptedEndpoint()) as wise:
        first = open_local(path, home, wise.url)
        verdicts = judge_all(first, comparisons, note).verdicts
        elsewhere.parent.mkdir()
        elsewhere.write_bytes(path.read_bytes())
        moved = open_local(elsewhere, home, wise.url)
        assert moved.name == first.name
        asked = len(wise.asked)
        again = judge_all(moved, comparisons, note)
        assert (again.verdicts, again.counts.kept, len(wise.asked)) == (verdicts, len(comparisons), asked)
    path.write_bytes(b"GGUF another model")
    with serve(ScriptedEndpoint(always_first)) as biased:
        other = open_local(path, home, biased.url)
        assert other.version != first.version
        judged = judge_all(other, comparisons, note)
        assert len(biased.asked) == 2 * len(comparisons)
    assert judged.counts.kept == 0
    assert {verdict.preference for verdict in judged.verdicts if verdict} == {"tie"}


def test_a_judge_whose_file_is_gone_or_is_none_is_not_opened(ratchet_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "judge.gguf"
    with pytest.raises(ConfigError, match=r"judge\.gguf does not exist: name a GGUF file"):
        open_local(path, Home(ratchet_home), "http://127.0.0.1:1/v1")
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"judge\.gguf is no GGUF file"):
        open_local(path, Home(ratchet_home), "http://127.0.0.1:1/v1")


def test_a_judge_at_an_endpoint_has_no_file(ratchet_home: Path) -> None:
    settings = JudgeSettings(name="far", url="http://127.0.0.1:1/v1", model="judge.gguf")
    assert open_judge(settings, Home(ratchet_home)).weights_sha256 is None
