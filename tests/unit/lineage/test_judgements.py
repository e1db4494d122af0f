"""Finding judgements by their ids and people, in a log of several segments."""

from pathlib import Path

import pytest
from example_records import judgement

from tasks.errors import IntegrityError, RatchetError
from tasks.feedback import log
from tasks.feedback.withdrawals import Withdrawn
from tasks.home import Home
from tasks.lineage.judgements import find_feedback, ids_of_annotators, read_judgements, withdrawn_ids

ANN, BOB = judgement(annotator="ann"), judgement(annotator="bob")
JUDGE = judgement(by="judge:reference")


@pytest.fixture(params=["home", "we[ird]* ho?me"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    return Home(tmp_path / request.param)


def test_every_judgement_is_listed_with_each_segment_that_holds_it(home: Home) -> None:
    edited = ANN.model_copy(update={"preference": "b", "round": 2, "retracted": True})
    first, second = log.append(home, "d", [ANN, JUDGE]), log.append(home, "d", [BOB, edited])
    log.append(home, "d", [])
    log.append(home, "other", [judgement(name="else")])

    rows = read_judgements(home, "d").select("id", "source", "annotator", "round", "retracted", "segment").rows()

    expected = [
        (ANN.id, "human", "ann", 1, False, first.sha256),
        (JUDGE.id, "judge:reference", None, 1, False, first.sha256),
        (BOB.id, "human", "bob", 1, False, second.sha256),
        (ANN.id, "human", "ann", 2, True, second.sha256),
    ]
    assert sorted(rows, key=repr) == sorted(expected, key=repr)


def test_a_home_without_feedback_has_none(home: Home) -> None:
    assert read_judgements(home, "d").is_empty()
    with pytest.raises(RatchetError, match="No feedback has an id that begins with ffffffff"):
        find_feedback(read_judgements(home, "d"), "f" * 8)


@pytest.mark.parametrize("length", [8, 12, 63, 64])
def test_a_judgement_is_found_by_the_first_digits_of_its_id(home: Home, length: int) -> None:
    log.append(home, "d", [ANN, BOB])
    log.append(home, "d", [ANN.model_copy(update={"round": 2})])
    judgements = read_judgements(home, "d")
    assert find_feedback(judgements, BOB.id[:length]) == BOB.id
    assert find_feedback(judgements, ANN.id[:length].upper()) == ANN.id


@pytest.mark.parametrize("prefix", ["", "abcdef0", "f" * 65, "ghijklmn", "abc def0", "abcdef.*"])
def test_what_is_no_feedback_id_is_refused(home: Home, prefix: str) -> None:
    with pytest.raises(RatchetError) as error:
        find_feedback(read_judgements(home, "d"), prefix)
    assert str(error.value) == (
        f"{prefix!r} is no feedback id: name at least 8 of its 64 hex digits, as `ratchet why VERSION --json` lists "
        "them."
    )


def test_digits_that_several_ids_begin_with_are_refused_with_some_of_them(home: Home) -> None:
    twins = [ANN.model_copy(update={"id": f"abcdef01{digit}" + "0" * 55}) for digit in "1234"]
    log.append(home, "d", twins)
    with pytest.raises(RatchetError) as error:
        find_feedback(read_judgements(home, "d"), "abcdef01")
    assert str(error.value) == (
        "4 judgements have ids that begin with abcdef01 (abcdef0110000000, abcdef0120000000, abcdef0130000000): name "
        "more digits."
    )


def test_what_is_withdrawn_is_the_judgements_named_and_all_of_the_people_named(home: Home) -> None:
    log.append(home, "d", [ANN, BOB, JUDGE])
    judgements = read_judgements(home, "d")
    assert ids_of_annotators(judgements, ("ann", "nobody")) == {ANN.id}
    left_out = Withdrawn(feedback=(JUDGE.id, "9" * 64), annotators=("ann",))
    assert withdrawn_ids(judgements, left_out) == {ANN.id, JUDGE.id, "9" * 64}


def test_a_segment_that_was_altered_is_named(home: Home) -> None:
    reference = log.append(home, "d", [ANN])
    path = home.feedback_log("d") / f"{reference.sha256}.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(IntegrityError, match=f"{reference.sha256}.jsonl was altered or truncated"):
        read_judgements(home, "d")
