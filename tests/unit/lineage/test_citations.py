"""Which judgements the rows of a snapshot come from."""

from pathlib import Path

import pytest
from example_snapshots import write_snapshot

from tasks.errors import IntegrityError
from tasks.files import sha256_of
from tasks.home import Home
from tasks.lineage.citations import count_citations, read_citations, stored_snapshots
from tasks.records import Demonstration, Message, PreferencePair, RatedAnswer, Snapshot

F1, F2, F3, F4 = (sha256_of(f"feedback {number}") for number in range(4))
FIELDS = {"question_id": "q", "family": "q", "prompt": (Message(role="user", content="What?"),)}


def demonstration(name: str, source: str, *feedback: str) -> Demonstration:
    return Demonstration.model_validate(
        {**FIELDS, "id": sha256_of(name), "completion": name, "source": source, "feedback": sorted(feedback)}
    )


def pair(name: str, source: str, *feedback: str) -> PreferencePair:
    return PreferencePair.model_validate(
        {
            **FIELDS,
            "id": sha256_of(name),
            "chosen": name,
            "rejected": "no",
            "source": source,
            "feedback": sorted(feedback),
        }
    )


def rated(name: str, *feedback: str) -> RatedAnswer:
    return RatedAnswer.model_validate(
        {
            **FIELDS,
            "id": sha256_of(name),
            "completion": name,
            "desirable": True,
            "source": f"end_user:{feedback[0]}",
            "feedback": sorted(feedback),
        }
    )


@pytest.fixture(params=["home", "we[ird]* ho?me"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    return Home(tmp_path / request.param)


def store(
    home: Home, demonstrations: list[Demonstration], pairs: list[PreferencePair], answers: list[RatedAnswer]
) -> Snapshot:
    return write_snapshot(home.snapshots, demonstrations, pairs, answers)


def test_every_judgement_of_every_row_is_listed_once(home: Home) -> None:
    snapshot = store(
        home,
        [demonstration("d", "reference"), demonstration("e", f"correction:{F1}", F1)],
        [
            pair("p", f"human:{F2}", F2, F3),
            pair("r", f"reference:{sha256_of('a candidate')}"),
            pair("s", f"reference:{sha256_of('a candidate')}", F4),
        ],
        [rated("t", F3)],
    )
    assert sorted(read_citations(home, snapshot.sha256).rows()) == sorted(
        [
            ("demonstrations", sha256_of("e"), F1),
            ("preference_pairs", sha256_of("p"), F2),
            ("preference_pairs", sha256_of("p"), F3),
            ("preference_pairs", sha256_of("s"), F4),
            ("rated_answers", sha256_of("t"), F3),
        ]
    )


def test_a_row_that_names_its_judgement_in_its_source_alone_comes_from_it(home: Home) -> None:
    snapshot = store(home, [], [pair("p", f"judge:local@{'9' * 12}:{F2}")], [])
    assert read_citations(home, snapshot.sha256).rows() == [("preference_pairs", sha256_of("p"), F2)]


def test_a_snapshot_without_feedback_cites_nothing(home: Home) -> None:
    snapshot = store(home, [demonstration("d", "reference")], [], [])
    assert read_citations(home, snapshot.sha256).is_empty()


def test_rows_are_counted_by_kind_a_row_of_two_judgements_once(home: Home) -> None:
    first = store(home, [demonstration("e", f"correction:{F1}", F1)], [pair("p", f"human:{F2}", F2, F3)], [])
    second = store(home, [], [pair("p", f"human:{F2}", F2), pair("r", f"human:{F4}", F4)], [rated("t", F3)])
    both = [first.sha256, second.sha256]
    assert sorted(both) == stored_snapshots(home)
    cited, unknown = count_citations(home, both, {F2, F3})
    assert cited == {first.sha256: {"preference_pairs": 1}, second.sha256: {"preference_pairs": 1, "rated_answers": 1}}
    assert unknown == {}
    assert count_citations(home, both, {F1})[0] == {first.sha256: {"demonstrations": 1}}
    assert count_citations(home, both, set())[0] == {}


def test_a_snapshot_that_cannot_be_read_is_named_and_the_others_are_counted(home: Home) -> None:
    damaged = store(home, [], [pair("p", f"human:{F2}", F2)], [])
    whole = store(home, [], [pair("r", f"human:{F2}", F2)], [])
    rows = next(path for path in (home.snapshots / damaged.sha256).glob("*.jsonl") if path.stat().st_size)
    rows.write_bytes(rows.read_bytes().replace(F2.encode(), F3.encode()))
    with pytest.raises(IntegrityError):
        read_citations(home, damaged.sha256)
    cited, unknown = count_citations(home, [damaged.sha256, whole.sha256, "e" * 64], {F2})
    assert cited == {whole.sha256: {"preference_pairs": 1}}
    assert unknown.keys() == {damaged.sha256, "e" * 64}
    assert f"{rows.name} was altered or truncated" in unknown[damaged.sha256]
    assert "manifest.json is missing" in unknown["e" * 64]
