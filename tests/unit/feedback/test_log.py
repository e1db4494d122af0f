"""The feedback log survives kills, repeats, damage and company."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.incremental.digests import log_sha256
from tasks.errors import HomeError, IntegrityError
from tasks.feedback import log
from tasks.feedback.sources import feedback_id
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Feedback, Preference

A, B = "a" * 64, "b" * 64
REPOSITORY = Path(__file__).parents[3]


def judgement(
    question_id: str = "q",
    *,
    round_: int = 1,
    preference: Preference = "a",
    text: str = "",
    minute: int | None = None,
    retracted: bool = False,
) -> Feedback:
    return Feedback(
        id=feedback_id("human", "ann", question_id, A, B),
        question_id=question_id,
        candidate_a=A,
        candidate_b=B,
        preference=preference,
        source="human",
        annotator="ann",
        reason=text or None,
        round=round_,
        given_at=None if minute is None else datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
        retracted=retracted,
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def segments(home: Home) -> list[Path]:
    return sorted(home.feedback_log("d").glob("*.jsonl"))


def start(home: Home, script: str) -> subprocess.Popen[str]:
    """A process that runs the script with `home`, `log` and `judgement` at hand."""
    setup = f"""
import importlib.util, os, signal, sys
from pathlib import Path
from tasks.feedback import log
from tasks.home import Home
spec = importlib.util.spec_from_file_location("here", {str(Path(__file__))!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
home, judgement = Home(Path({str(home.root)!r})), here.judgement
"""
    return subprocess.Popen(
        [sys.executable, "-c", setup + script],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def test_a_new_domain_has_an_empty_log(home: Home) -> None:
    assert (log.read(home, "d"), log.count(home, "d")) == ([], 0)
    assert not home.root.exists()


def test_what_was_appended_is_read_sorted_by_id_and_domains_are_apart(home: Home) -> None:
    rows = [judgement(f"q{n}", text="“naïve”\u2028日本語") for n in range(5)]
    reference = log.append(home, "d", rows)
    log.append(home, "other", [judgement("elsewhere")])
    assert reference.rows == 5
    assert log.read(home, "d") == sorted(rows, key=lambda row: row.id)
    assert log.count(home, "d") == 5


def test_the_same_batch_twice_is_one_segment_whatever_its_order(home: Home) -> None:
    rows = [judgement(f"q{n}") for n in range(4)]
    assert log.append(home, "d", rows) == log.append(home, "d", rows[::-1])
    assert len(segments(home)) == 1
    assert log.count(home, "d") == 4


def test_an_empty_batch_is_a_segment_without_rows(home: Home) -> None:
    assert log.append(home, "d", []).rows == 0
    assert log.read(home, "d") == []


def test_a_judgement_asked_for_again_counts_once_and_the_latest_round_wins(home: Home) -> None:
    log.append(home, "d", [judgement(round_=2, preference="b")])
    log.append(home, "d", [judgement(round_=10, preference="tie")])
    log.append(home, "d", [judgement(round_=1, preference="a"), judgement("q2")])
    assert {row.question_id: row.preference for row in log.read(home, "d")} == {"q": "tie", "q2": "a"}


conflicting = st.builds(
    judgement,
    st.sampled_from(["q1", "q2", "q3"]),
    round_=st.integers(1, 3),
    preference=st.sampled_from(["a", "b", "tie", "both_bad"]),
    text=st.sampled_from(["", "x", "é"]),
    minute=st.none() | st.integers(0, 2),
    retracted=st.booleans(),
)


@pytest.mark.parametrize(
    ("rows", "last_word"),
    [
        ([judgement(minute=1), judgement(minute=2, preference="b")], judgement(minute=2, preference="b")),
        ([judgement(), judgement(minute=0, preference="b")], judgement(minute=0, preference="b")),
        ([judgement(minute=1), judgement(minute=2, retracted=True)], judgement(minute=2, retracted=True)),
        ([judgement(minute=3), judgement(minute=2, retracted=True)], judgement(minute=3)),  # submitted again
        ([judgement(minute=1), judgement(minute=1, retracted=True)], judgement(minute=1, retracted=True)),
        ([judgement(minute=1, text="b"), judgement(minute=1, text="a")], judgement(minute=1, text="a")),
        ([judgement(round_=2, minute=1), judgement(minute=9, retracted=True)], judgement(round_=2, minute=1)),
    ],
    ids=[
        "the later edit",
        "an edit after none was noted",
        "taken back",
        "given again after it was taken back",
        "taken back at the same time",
        "edited twice at the same time",
        "the later round, whatever was edited since",
    ],
)
def test_of_the_words_on_one_judgement_the_last_one_counts(
    home: Home, rows: list[Feedback], last_word: Feedback
) -> None:
    for row in rows:
        log.append(home, "d", [row])
    assert log.one_per_id(rows) == log.one_per_id(rows[::-1]) == log.read_last_words(home, "d") == [last_word]
    assert log.read(home, "d") == [row for row in [last_word] if not row.retracted]
    assert log.count(home, "d") == (not last_word.retracted)


def test_the_hour_counts_and_not_the_time_zone_it_is_told_in() -> None:
    earlier = judgement(minute=1)
    east = timezone(timedelta(hours=2))
    same = earlier.model_copy(update={"given_at": datetime(2026, 1, 1, 2, 1, tzinfo=east), "retracted": True})
    assert log.one_per_id([earlier, same]) == [same]
    assert log.edited_at(earlier) == log.edited_at(same) > log.edited_at(judgement()) == 0


@given(st.lists(conflicting, max_size=10), st.randoms(use_true_random=False))
def test_one_per_id_does_not_depend_on_the_order(rows: list[Feedback], shuffler: random.Random) -> None:
    kept = log.one_per_id(rows)
    assert log.one_per_id(shuffler.sample(rows, len(rows))) == kept
    assert log.one_per_id(kept + rows) == kept
    assert [row.id for row in kept] == sorted({row.id for row in rows})


def test_the_log_hash_covers_the_judgements_that_stand_and_not_the_batches(tmp_path: Path) -> None:
    rows = [judgement(f"q{n}", minute=1) for n in range(4)]
    taken_back = [judgement("q4", minute=1), judgement("q4", minute=2, retracted=True)]

    def hash_of(name: str, *batches: list[Feedback]) -> str:
        for batch in batches:
            log.append(Home(tmp_path / name), "d", batch)
        return log_sha256(Home(tmp_path / name), "d")

    whole = hash_of("whole", rows)
    assert hash_of("split", *([row] for row in rows[::-1])) == whole
    assert hash_of("repeated", rows, rows[:2], [judgement("q0", minute=0, preference="b")]) == whole
    assert hash_of("taken back", rows, taken_back[:1], taken_back[1:]) == whole
    others = {
        whole,
        hash_of("edited", rows, [judgement("q0", minute=2, preference="b")]),
        hash_of("asked again", rows, [judgement("q0", minute=1, round_=2)]),
        (smaller := hash_of("smaller", rows[1:])),
        hash_of("none"),
    }
    assert len(others) == 5
    assert hash_of("one taken back", rows, [judgement("q0", minute=2, retracted=True)]) == smaller
    assert all(len(name) == 64 for name in others)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data.replace(b'"preference":"a"', b'"preference":"b"', 1),
        lambda data: data + data.split(b"\n")[0] + b"\n",
    ],
    ids=["last byte lost", "half lost", "all lost", "a judgement turned", "a row added"],
)
def test_a_damaged_segment_is_named_and_nothing_is_read_around_it(home: Home, damage: Callable[[bytes], bytes]) -> None:
    log.append(home, "d", [judgement("q1"), judgement("q2")])
    log.append(home, "d", [judgement("q3")])
    segment = max(segments(home), key=lambda path: path.stat().st_size)
    segment.write_bytes(damage(segment.read_bytes()))
    for read in (log.read, log.count, log_sha256):
        with pytest.raises(IntegrityError, match=segment.name):
            read(home, "d")


def test_rows_of_another_version_are_refused_by_the_name_of_their_file(home: Home) -> None:
    reference = write_rows(home.feedback_log("d"), [{"verdict": "from the future"}])
    with pytest.raises(IntegrityError, match=rf"{reference.sha256}\.jsonl holds rows that are not feedback"):
        log.read(home, "d")


def test_a_process_killed_before_the_rename_leaves_the_log_as_it_was(home: Home) -> None:
    log.append(home, "d", [judgement("before")])
    killed = start(
        home,
        """
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
log.append(home, "d", [judgement("lost")])
""",
    )
    assert killed.wait(60) == -signal.SIGKILL
    assert len(list(home.feedback_log("d").glob(".*.tmp"))) == 1
    assert [row.question_id for row in log.read(home, "d")] == ["before"]
    log.append(home, "d", [judgement("lost")])
    assert {row.question_id for row in log.read(home, "d")} == {"before", "lost"}


def test_two_processes_append_at_once_and_lose_nothing(home: Home) -> None:
    script = """
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    log.append(home, "d", [judgement(f"shared {number}")])
    log.append(home, "d", [judgement(f"{os.getpid()} {number}")])
"""
    processes = [start(home, script) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0]
    assert log.count(home, "d") == len(segments(home)) == 120
    assert list(home.feedback_log("d").glob("*.tmp")) == []


def test_an_append_that_cannot_be_written_says_so_and_changes_nothing(home: Home) -> None:
    home.root.mkdir()
    (home.root / "feedback").write_text("a file where the folder should be")
    with pytest.raises(HomeError, match="feedback"):
        log.append(home, "d", [judgement()])
