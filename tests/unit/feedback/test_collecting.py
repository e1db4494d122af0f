"""Candidates are sampled once, however often the stage is started."""

from pathlib import Path

import pytest
from example_records import candidate

from tasks.errors import IntegrityError
from tasks.feedback.collecting import sampled_once
from tasks.home import Home
from tasks.records import Candidate


def test_a_restart_finds_the_candidates_that_were_sampled_before(ratchet_home: Path, tmp_path: Path) -> None:
    home, work, calls = Home(ratchet_home), tmp_path / "work", []

    def sample() -> list[Candidate]:
        calls.append(1)
        return [candidate("x"), candidate("y")]

    first = sampled_once(home, work, sample)
    assert sampled_once(home, work, sample) == first == [candidate("x"), candidate("y")]
    assert len(calls) == 1
    assert len(sampled_once(home, tmp_path / "other inputs", sample)) == 2
    assert len(calls) == 2


def test_candidates_that_were_altered_since_are_not_taken(ratchet_home: Path, tmp_path: Path) -> None:
    home = Home(ratchet_home)
    sampled_once(home, tmp_path, lambda: [candidate("x")])
    [stored] = home.objects.glob("*.jsonl")
    stored.write_text("", encoding="utf-8")
    with pytest.raises(IntegrityError, match="was altered or truncated"):
        sampled_once(home, tmp_path, lambda: [candidate("x")])
