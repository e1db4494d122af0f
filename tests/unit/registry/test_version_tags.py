"""What is written on a version can be read back, and what is not Ratchet's is refused."""

from datetime import UTC, datetime

import pytest
from example_models import adapter
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import RatchetError
from tasks.records import Adapter, Approval, BaseModelRef, ModelVersion
from tasks.registry import version_tags

BASE = BaseModelRef(id="org/tiny", path="/models/tiny", sha256="b" * 64)
ADAPTER = adapter(
    base=BASE, parent_sha256="d" * 64, dpo_reference=f"sft:{'e' * 64}", round=2, preference_pairs=4, train_s=1.5
)


@pytest.mark.parametrize("trained", [None, ADAPTER])
def test_a_version_is_read_back_as_it_was_written(trained: Adapter | None):
    tags = version_tags.write_record(BASE, trained, "f" * 40)
    assert version_tags.read_record("demo", 7, tags) == ModelVersion(name="demo", version=7, base=BASE, adapter=trained)


def test_the_tags_of_an_adapter_name_everything_it_came_from():
    tags = version_tags.write_record(BASE, ADAPTER, "f" * 40)
    del tags[version_tags.RECORD]
    assert tags == {
        "ratchet.base": "org/tiny",
        "ratchet.base_sha256": "b" * 64,
        "ratchet.adapter_sha256": "a" * 64,
        "ratchet.snapshot_sha256": "c" * 64,
        "ratchet.dpo_reference": f"sft:{'e' * 64}",
        "ratchet.round": "2",
        "ratchet.git_commit": "f" * 40,
    }


def test_a_config_outside_git_has_no_commit():
    assert version_tags.write_record(BASE, None, None)["ratchet.git_commit"] == "none"


@pytest.mark.parametrize("tags", [{}, {"ratchet.record": "{"}, {"ratchet.record": "[]"}, {"ratchet.record": '{"x":1}'}])
def test_a_version_with_other_tags_is_refused(tags: dict[str, str]):
    with pytest.raises(RatchetError) as caught:
        version_tags.read_record("demo", 7, tags)
    assert caught.value.problems == (
        "Version 7 of 'demo' was not registered by Ratchet (its tag ratchet.record is missing or altered): delete it "
        "in MLflow, or give the config another name.",
    )


def test_an_adapter_is_recognised_by_weights_and_round():
    tags = version_tags.write_record(BASE, ADAPTER, None)
    assert version_tags.holds(tags, ADAPTER)
    assert not version_tags.holds(tags, ADAPTER.model_copy(update={"round": 3}))
    assert not version_tags.holds(tags, ADAPTER.model_copy(update={"sha256": "9" * 64}))
    assert not version_tags.holds(version_tags.write_record(BASE, None, None), ADAPTER)


@given(st.lists(st.integers(1, 10_000)))
def test_a_line_of_champions_is_read_back_and_names_the_nearest_first(line: list[int]):
    tags = version_tags.write_line(line)
    assert version_tags.read_line(tags) == line
    assert tags["ratchet.previous_champion"] == (str(line[0]) if line else "none")


def test_a_version_that_was_never_promoted_has_no_line():
    assert version_tags.read_line({}) == []


AT = datetime(2026, 11, 23, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("by", "reason", "line"),
    [
        ("", "", "2026-11-23T07:00:00+00:00 to 1"),
        ("ann", "", "2026-11-23T07:00:00+00:00 to 1 by ann"),
        ("ann", " too\n wordy ", "2026-11-23T07:00:00+00:00 to 1 by ann: too wordy"),
    ],
)
def test_what_a_person_did_is_one_line(by: str, reason: str, line: str):
    assert version_tags.describe_event("to 1", AT, by, reason) == line


@given(st.text(max_size=50), st.booleans())
def test_a_rejection_is_known_by_its_line_whatever_the_reason(reason: str, approved: bool):
    approval = Approval(approved=approved, by="ann", at=AT, reason=reason, through="form")
    assert version_tags.is_rejection(version_tags.describe_approval(approval)) is not approved
