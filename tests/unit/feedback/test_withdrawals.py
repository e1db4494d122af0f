"""Withdrawn feedback stays out, a person's later feedback too; undoing a withdrawal restores the same set."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from example_frames import events_frame
from example_records import judgement
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.errors import IntegrityError
from tasks.feedback import withdrawals
from tasks.feedback.withdrawals import (
    NOTHING,
    Withdrawal,
    Withdrawn,
    keep_left_out,
    read_left_out,
    resolve_withdrawals,
    withdraw,
    withdrawn,
    without_withdrawn,
)
from tasks.home import Home
from tasks.records import Feedback

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEEDBACK = [
    judgement(name="q", annotator="ann"),
    judgement(name="p", annotator="ann"),
    judgement(name="q", annotator="bob"),
    judgement(name="q", by="judge:reference"),
]
IDS = [row.id for row in FEEDBACK]
SUBJECTS = st.sampled_from([{"feedback_id": name} for name in IDS] + [{"annotator": name} for name in ("ann", "bob")])
WITHDRAWALS = st.lists(
    st.builds(
        lambda subject, minute, restored: Withdrawal(**subject, at=NOW + timedelta(minutes=minute), restored=restored),
        SUBJECTS,
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=8,
)


def left(left_out: Withdrawn, feedback: Sequence[Feedback] = FEEDBACK) -> list[str]:
    """The ids that are left, in their order."""
    ids: list[str] = without_withdrawn(events_frame(feedback), left_out)["id"].to_list()
    return ids


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [
        (NOTHING, IDS),
        (Withdrawn(feedback=(IDS[1],)), [IDS[0], *IDS[2:]]),
        (Withdrawn(feedback=(IDS[3],)), IDS[:3]),
        (Withdrawn(annotators=("ann",)), IDS[2:]),
        (Withdrawn(annotators=("ann", "nobody")), IDS[2:]),
        (Withdrawn(feedback=(IDS[3],), annotators=("ann", "bob")), []),
    ],
    ids=["nothing", "a person's judgement", "a judge's", "a person", "a stranger", "all"],
)
def test_what_is_withdrawn_is_left_out_and_nothing_else(left_out: Withdrawn, kept: list[str]) -> None:
    assert left(left_out) == kept


def test_the_columns_read_are_id_and_annotator() -> None:
    events = events_frame(FEEDBACK).select("annotator", "id")
    assert without_withdrawn(events, Withdrawn(annotators=("ann",))).columns == ["annotator", "id"]


def test_what_a_person_says_after_withdrawing_stays_out_too(home: Home) -> None:
    withdraw(home, "d", annotator="ann")
    later = [*FEEDBACK, judgement(name="r", annotator="ann", round_=9), judgement(name="r", annotator="bob", round_=9)]

    kept = left(withdrawn(home, "d"), later)

    assert [row.annotator for row in later if row.id in kept] == ["bob", None, "bob"]


def test_an_edit_of_a_withdrawn_judgement_stays_out_too() -> None:
    edited = FEEDBACK[0].model_copy(update={"preference": "b", "round": 2})
    assert left(Withdrawn(feedback=(edited.id,)), [edited]) == []


@given(WITHDRAWALS, st.randoms())
def test_the_order_in_which_withdrawals_are_read_changes_nothing(rows: list[Withdrawal], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve_withdrawals(shuffled) == resolve_withdrawals([*rows, *rows])


@given(WITHDRAWALS, SUBJECTS)
def test_withdrawing_and_restoring_leaves_the_same_set(before: list[Withdrawal], subject: dict[str, str]) -> None:
    restored = resolve_withdrawals(before)
    name = next(iter(subject.values()))
    out = Withdrawal(**subject, at=NOW + timedelta(hours=1))  # type: ignore[arg-type]
    back = Withdrawal(**subject, at=NOW + timedelta(hours=2), restored=True)  # type: ignore[arg-type]

    taken = resolve_withdrawals([*before, out])
    again = resolve_withdrawals([*before, out, back])

    assert name in {*taken.feedback, *taken.annotators}
    assert name not in {*again.feedback, *again.annotators}
    if name not in {*restored.feedback, *restored.annotators}:
        assert again == restored and left(again) == left(restored)


@given(WITHDRAWALS)
def test_of_a_withdrawal_and_a_restoration_at_the_same_time_the_withdrawal_counts(rows: list[Withdrawal]) -> None:
    last = NOW + timedelta(hours=1)
    both = [Withdrawal(annotator="ann", at=last, restored=restored) for restored in (True, False)]
    assert "ann" in resolve_withdrawals([*rows, *both]).annotators


def test_a_withdrawal_is_kept_across_processes_and_changes_nothing_the_second_time(home: Home) -> None:
    assert withdraw(home, "d", annotator="ann") is True
    assert withdraw(home, "d", annotator="ann") is False
    assert withdraw(home, "d", feedback_id=IDS[3]) is True
    assert withdrawn(home, "d") == Withdrawn(feedback=(IDS[3],), annotators=("ann",))
    assert withdrawn(home, "other") == NOTHING
    assert len(list((home.feedback_log("d") / "withdrawals").iterdir())) == 2


def test_restoring_undoes_a_withdrawal_and_nothing_that_was_not_withdrawn(home: Home) -> None:
    assert withdraw(home, "d", annotator="ann", restored=True) is False
    assert not (home.feedback_log("d") / "withdrawals").exists()
    withdraw(home, "d", annotator="ann")
    withdraw(home, "d", feedback_id=IDS[0])
    assert withdraw(home, "d", annotator="ann", restored=True) is True
    assert withdrawn(home, "d") == Withdrawn(feedback=(IDS[0],))


def test_a_clock_that_was_set_back_does_not_undo_the_last_word(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOW, NOW - timedelta(days=1), NOW - timedelta(days=2)])

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return next(times)

    monkeypatch.setattr(withdrawals, "datetime", Clock)
    for restored, expected in ((False, ("ann",)), (True, ()), (False, ("ann",))):
        assert withdraw(home, "d", annotator="ann", restored=restored)
        assert withdrawn(home, "d").annotators == expected


@pytest.mark.parametrize("subject", [{}, {"feedback_id": IDS[0], "annotator": "ann"}])
def test_a_withdrawal_is_about_one_judgement_or_one_person(subject: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="about one judgement or one person"):
        Withdrawal(**subject, at=NOW)  # type: ignore[arg-type]


def test_a_damaged_withdrawal_is_named_and_not_passed_over(home: Home) -> None:
    withdraw(home, "d", annotator="ann")
    (path,) = (home.feedback_log("d") / "withdrawals").iterdir()
    path.write_text(path.read_text().replace("ann", "bob"), encoding="utf-8")
    with pytest.raises(IntegrityError, match=f"{path.stem}.json was altered or truncated"):
        withdrawn(home, "d")


def test_a_record_of_another_version_is_named(home: Home) -> None:
    import hashlib

    data = json.dumps({"what": "else"}).encode()
    path = home.feedback_log("d") / "withdrawals" / f"{hashlib.sha256(data).hexdigest()}.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as error:
        withdrawn(home, "d")
    assert str(error.value) == (
        f"{path} is no withdrawal of this version: read it with the version of Ratchet that wrote it."
    )


def test_what_a_round_was_curated_without_is_kept_with_it(tmp_path: Path) -> None:
    assert read_left_out(tmp_path) == NOTHING
    keep_left_out(tmp_path, Withdrawn(annotators=("ann",)))
    assert read_left_out(tmp_path) == Withdrawn(annotators=("ann",))
    (tmp_path / "withdrawn.json").write_text("{", encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"withdrawn\.json is damaged: delete it and curate\.json beside it"):
        read_left_out(tmp_path)


def test_records_without_an_annotator_are_nobodys() -> None:
    row: Feedback = FEEDBACK[3]
    assert row.annotator is None
    assert left(Withdrawn(annotators=("None", "ann")), [row]) == [row.id]
