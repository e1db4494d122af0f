"""Judgements by column are the judgements by record: what is read, what is refused, and whose word is the last."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from example_frames import events_frame
from example_records import judgement, minute
from hypothesis import given
from hypothesis import strategies as st

from tasks.curation.frames import EVENTS
from tasks.errors import IntegrityError
from tasks.feedback import event_frames, log
from tasks.feedback.event_frames import canonical_lines, last_words, parse_segment, to_records, whole_frame
from tasks.files import canonical_json, encode_rows, write_rows
from tasks.home import Home
from tasks.records import Feedback

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\t\x00\u2028'), max_size=6)
preferences = st.sampled_from(["a", "b", "tie", "both_bad"])
moments = st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
feedback = st.builds(
    Feedback,
    id=st.sampled_from(["1" * 64, "2" * 64]),
    question_id=texts.filter(lambda text: text is not None),
    candidate_a=st.just("a" * 64),
    candidate_b=st.sampled_from(["a" * 64, "b" * 64]),
    preference=preferences,
    rating=st.sampled_from([None, "up", "down"]),
    source=st.sampled_from(["human", "judge:é@1"]),
    annotator=texts,
    confidence=st.floats(0.0, 1.0) | st.sampled_from([0.5, 1e-5, 1 / 3]),
    correction=texts,
    reason=texts,
    round=st.integers(1, 2),
    audit=st.booleans(),
    swap_inconsistent=st.booleans(),
    both_orders=st.none() | st.tuples(preferences, preferences),
    given_at=moments,
    retracted=st.booleans(),
)


@given(st.lists(feedback, max_size=6))
def test_what_was_written_is_read(rows: list[Feedback]) -> None:
    data, _ = encode_rows(rows)
    assert to_records(parse_segment(data)) == rows
    assert to_records(whole_frame(rows)) == rows
    assert events_frame(rows).equals(whole_frame(rows).select(EVENTS.names()))


def test_what_this_version_wrote_is_read_without_making_records(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        judgement(annotator="ann", given_at=minute(1), correction="naïve\n“x”", audit=True),
        judgement(by="judge:j@1", confidence=1 / 3, reason="so", both_orders=("a", "tie"), swap_inconsistent=True),
        judgement("x", "x", "tie", by="end_user", rating="up", given_at=datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC)),
    ]
    data, _ = encode_rows(rows)
    monkeypatch.setattr(event_frames, "parse_rows", lambda *_: pytest.fail("records were made"))
    monkeypatch.setattr(event_frames, "_SLICE_BYTES", 300)
    frame = parse_segment(data)
    monkeypatch.undo()
    assert to_records(frame) == rows


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda fields: {name: value for name, value in fields.items() if name not in ("rating", "both_orders")},
        lambda fields: fields | {"given_at": "2026-01-01T02:01:00+02:00"},
        lambda fields: dict(reversed(fields.items())),
    ],
    ids=["by an older version", "in another time zone", "in another order"],
)
def test_what_others_wrote_is_read_as_it_is_meant(rewrite: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    row = judgement(annotator="ann", given_at=minute(1))
    line = json.dumps(rewrite(row.model_dump(mode="json")), indent=None)
    assert to_records(parse_segment(f"{line}\n".encode())) == [row]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "short"),
        ("id", None),
        ("candidate_a", "A" * 64),
        ("preference", "neither"),
        ("rating", "sideways"),
        ("confidence", 1.5),
        ("confidence", "high"),
        ("confidence", None),
        ("round", 0),
        ("round", 1.5),
        ("audit", "maybe"),
        ("retracted", None),
        ("given_at", "2026-13-01T00:00:00Z"),
        ("given_at", "2026-02-30T00:00:00Z"),
        ("given_at", "soon"),
        ("both_orders", ["a"]),
        ("both_orders", ["a", "neither"]),
        ("correction", 3),
        ("verdict", "from the future"),
    ],
)
def test_a_row_that_is_no_judgement_is_refused_with_the_name_of_its_file(
    tmp_path: Any, field: str, value: object
) -> None:
    home = Home(tmp_path)
    rows = [judgement(name=f"q{n}").model_dump(mode="json") for n in range(3)]
    segment = write_rows(home.feedback_log("d"), [*rows[:2], rows[2] | {field: value}])
    with pytest.raises(IntegrityError) as caught:
        log.read_frame(home, "d")
    assert str(caught.value) == (
        f"{home.feedback_log('d') / f'{segment.sha256}.jsonl'} holds rows that are not feedback of this version: "
        "read it with the version of Ratchet that wrote it, or move it out of the log."
    )


def last_words_by_record(rows: list[Feedback]) -> list[Feedback]:
    """The rule, one judgement after the other."""

    def rank(row: Feedback) -> tuple[str, int, float, bool, str]:
        return row.id, -row.round, -log.edited_at(row), not row.retracted, canonical_json(row)

    kept: dict[str, Feedback] = {}
    for row in sorted(rows, key=rank):
        kept.setdefault(row.id, row)
    return list(kept.values())


said_twice = st.builds(
    judgement,
    preference=preferences,
    annotator=st.just("ann"),
    name=st.sampled_from(["p", "q"]),
    round_=st.integers(1, 2),
    given_at=st.none() | st.integers(0, 2).map(minute),
    reason=st.sampled_from([None, "é", 'a"', "a"]),
    correction=st.sampled_from([None, "b", "bc"]),
    retracted=st.booleans(),
)


@given(st.lists(said_twice, max_size=8), st.randoms(use_true_random=False))
def test_the_last_word_by_column_is_the_last_word_by_record(rows: list[Feedback], shuffler: Any) -> None:
    shuffled = shuffler.sample(rows, len(rows))
    assert to_records(last_words(whole_frame(shuffled))) == last_words_by_record(rows) == log.one_per_id(shuffled)


def test_a_moment_is_the_same_in_every_time_zone() -> None:
    east = minute(1).astimezone(timezone(timedelta(hours=2)))
    rows = [judgement(given_at=minute(1)), judgement(given_at=east, retracted=True)]
    assert last_words(whole_frame(rows))["retracted"].to_list() == [True]


def test_lines_cover_every_field() -> None:
    row = judgement(reason="why", given_at=minute(1), both_orders=("a", "b"))
    (line,) = canonical_lines(whole_frame([row]))
    assert json.loads(line).keys() == Feedback.model_fields.keys()
    for name, value in {"reason": "how", "round": 2, "both_orders": ("b", "b"), "rating": "up"}.items():
        (other,) = canonical_lines(whole_frame([row.model_copy(update={name: value})]))
        assert other != line
