"""The ledger: a stage's record is reused under its own key and no other, and a damaged one is never trusted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import IntegrityError
from tasks.home import Home
from tasks.records import STAGES, BaseModelRef, Domain, FileRef, ModelVersion, Snapshot, Stage
from tasks.rounds import (
    Round,
    begin_round,
    end_round,
    finished_stages,
    inputs_sha256,
    read_last,
    read_rounds,
    read_stage,
    revise_stage,
    stage_key,
    write_stage,
)
from tasks.settings.feedback import HumanFeedbackSettings

BASE = BaseModelRef(id="tiny", path="/models/tiny", sha256="b" * 64)
CHAMPION = ModelVersion(name="tiny", version=1, base=BASE)
EMPTY = FileRef(sha256="e" * 64, rows=0)
DOMAIN = Domain(name="tiny", questions=EMPTY, documents=EMPTY, train_questions=4, test_questions=2, shared_families=0)
SNAPSHOT = Snapshot(
    sha256="5" * 64, demonstrations=EMPTY, preference_pairs=EMPTY, rated_answers=EMPTY, parents=(), dropped={}
)
OPENED = Round(number=1, domain=DOMAIN, champion=CHAMPION)


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


def make_config(**settings: Any) -> Config:
    return Config.model_validate({"name": "tiny", "questions": "q.jsonl", "root": Path("/domain"), **settings})


# What a change of each setting repeats; every section and every key outside a section is here.
STAGES_OF_SETTING: dict[str, tuple[Any, set[Stage]]] = {
    "name": ("other", set()),
    "documents": (["*.md"], set()),
    "questions": ("others.jsonl", set()),
    "test_share": (0.5, set()),
    "mlflow_tracking_uri": ("http://mlflow.example", set()),
    "system_prompt": ("Be brief.", {"collect", "curate", "evaluate"}),
    "seed": (1, {"collect", "curate", "train", "evaluate"}),
    "model": ({"threads": 3}, {"collect", "curate", "train", "evaluate"}),
    "generation": ({"max_new_tokens": 3}, {"collect", "evaluate"}),
    "retrieval": ({"passages": 3}, set()),
    "collect": ({"questions": 3}, {"collect"}),
    "reference_judge": ({"margin": 0.3}, {"collect", "evaluate"}),
    "judges": ([{"name": "local"}], {"collect", "evaluate"}),
    "judge_trust": ({"min_kappa": 0.1}, {"curate"}),
    "end_users": ({"files": ["*.jsonl"]}, {"curate"}),
    "human_feedback": ({"argilla": "embedded"}, {"collect", "evaluate"}),
    "curate": ({"pairs_per_question": 3}, {"curate"}),
    "train": ({"sft": {"epochs": 3}}, {"train"}),
    "evaluate": ({"max_questions": 3}, {"evaluate"}),
    "promote": ({"min_test_questions": 3}, {"promote"}),
    "skills": ([{"name": "other", "questions": "other.jsonl"}], {"evaluate", "promote"}),
    "licences": ({"data": "CC-BY-4.0"}, {"promote"}),
    "prices": ({"queries_per_day": 3}, set()),
    "benchmark": ({"correct_from": 0.3}, set()),
    "writer": ({"url": "embedded"}, set()),
    "serve": ({"max_tokens": 3}, set()),
    "compute": ({"engine": "ray", "workers": 2}, set()),
    "monitor": ({"days": 3}, set()),
}


# What a change of retrieval repeats, by what puts passages into prompts.
STAGES_THAT_RETRIEVE: list[tuple[dict[str, Any], set[Stage]]] = [
    ({}, set()),
    ({"train": {"contexts": {}}}, {"train"}),
    ({"collect": {"arms": ["closed_book", "rag"]}}, {"collect"}),
    ({"collect": {"arms": ["rag"]}, "train": {"contexts": {}}}, {"collect", "train"}),
    ({"promote": {"with_retrieval": True}}, {"evaluate"}),
    ({"skills": [{"name": "other", "questions": "q.jsonl", "with_retrieval": True}]}, {"evaluate"}),
    ({"skills": [{"name": "other", "questions": "q.jsonl"}]}, set()),
]


@pytest.mark.parametrize(("settings", "expected"), STAGES_THAT_RETRIEVE)
def test_a_change_of_retrieval_repeats_the_stages_that_put_passages_into_prompts(
    settings: dict[str, Any], expected: set[Stage]
) -> None:
    before, after = make_config(**settings), make_config(**settings, retrieval={"passages": 3})

    changed = {stage for stage in STAGES if stage_key(before, stage, (OPENED,)) != stage_key(after, stage, (OPENED,))}

    assert changed == expected
    assert (inputs_sha256(before, DOMAIN, "f") != inputs_sha256(after, DOMAIN, "f")) == bool(expected)


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        ({"closed_book_share": 0.1}, {"train"}),
        ({"oracle_share": 0.1}, {"train"}),
        ({"citations": True}, {"collect", "train"}),
    ],
)
def test_each_key_of_contexts_repeats_the_stages_that_read_it(contexts: dict[str, Any], expected: set[Stage]) -> None:
    before, after = make_config(train={"contexts": {}}), make_config(train={"contexts": contexts})

    changed = {stage for stage in STAGES if stage_key(before, stage, (OPENED,)) != stage_key(after, stage, (OPENED,))}

    assert changed == expected


@pytest.mark.parametrize("setting", STAGES_OF_SETTING)
def test_a_changed_setting_repeats_the_stages_that_read_it_and_no_others(setting: str) -> None:
    value, expected = STAGES_OF_SETTING[setting]
    before, after = make_config(), make_config(**{setting: value})

    changed = {stage for stage in STAGES if stage_key(before, stage, (OPENED,)) != stage_key(after, stage, (OPENED,))}

    assert changed == expected


# Of asking people, each stage reads keys of its own: more test labels must not make collect sample again.
STAGES_OF_ASKING: dict[str, tuple[Any, set[Stage]]] = {
    "argilla": ("embedded", {"collect", "evaluate"}),
    "api_key_secret": ("argilla-key", {"collect", "evaluate"}),
    "workspace": ("other", {"collect", "evaluate"}),
    "labels": (3, {"collect"}),
    "audit_share": (0.5, {"collect"}),
    "test_labels": (3, {"evaluate"}),
    "guidelines": ("guide.md", {"collect", "evaluate"}),
    "round_after": (3, set()),
}


@pytest.mark.parametrize("key", STAGES_OF_ASKING)
def test_each_key_of_asking_people_repeats_the_stages_that_read_it(key: str) -> None:
    value, expected = STAGES_OF_ASKING[key]
    before, after = make_config(), make_config(human_feedback={key: value})

    changed = {stage for stage in STAGES if stage_key(before, stage, (OPENED,)) != stage_key(after, stage, (OPENED,))}

    assert changed == expected
    assert set(STAGES_OF_ASKING) == set(HumanFeedbackSettings.model_fields)


def test_the_table_of_settings_leaves_none_out() -> None:
    assert set(STAGES_OF_SETTING) == set(Config.model_fields) - {"root"}


@pytest.mark.parametrize("stage", STAGES)
def test_equal_inputs_and_settings_have_equal_keys_wherever_the_config_lies(stage: Stage) -> None:
    moved = make_config().model_copy(update={"root": Path("/elsewhere")})

    assert stage_key(make_config(), stage, (OPENED, SNAPSHOT)) == stage_key(moved, stage, (OPENED, SNAPSHOT))


def test_no_two_stages_and_no_two_inputs_share_a_key() -> None:
    other = SNAPSHOT.model_copy(update={"sha256": "6" * 64})
    inputs = [(OPENED,), (OPENED, SNAPSHOT), (OPENED, other), (SNAPSHOT, OPENED)]

    keys = {stage_key(make_config(), stage, records) for stage in STAGES for records in inputs}

    assert len(keys) == len(STAGES) * len(inputs)


def test_a_record_is_reused_under_its_key_only(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "k" * 64, SNAPSHOT)

    assert read_stage(folder, "curate", "k" * 64, Snapshot) == SNAPSHOT
    assert read_stage(folder, "curate", "x" * 64, Snapshot) is None
    assert read_stage(folder, "train", "k" * 64, Snapshot) is None
    assert read_last(folder, "curate", Snapshot) == SNAPSHOT


def test_a_stage_that_ran_again_replaces_its_record(home: Home) -> None:
    folder, again = home.round("tiny", 1), SNAPSHOT.model_copy(update={"sha256": "6" * 64})
    write_stage(folder, "curate", "old", SNAPSHOT)
    write_stage(folder, "curate", "new", again)

    assert read_stage(folder, "curate", "old", Snapshot) is None
    assert read_stage(folder, "curate", "new", Snapshot) == again


def test_a_round_that_has_left_nothing_has_no_records(home: Home) -> None:
    folder = home.round("tiny", 1)

    assert read_stage(folder, "curate", "k", Snapshot) is None
    assert read_last(folder, "curate", Snapshot) is None
    assert list(read_rounds(home, "tiny")) == []


@pytest.mark.parametrize("content", ["", '{"key": "k", "record": {"sha', "[]", "null", "\x00\x00\x00"])
def test_a_damaged_stage_file_is_named_and_not_trusted(home: Home, content: str) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_text(content, encoding="utf-8")
    message = f"{folder / 'curate.json'} is damaged: delete it, and the stage will run again."

    with pytest.raises(IntegrityError) as read:
        read_stage(folder, "curate", "k", Snapshot)
    with pytest.raises(IntegrityError) as last:
        read_last(folder, "curate", Snapshot)

    assert (str(read.value), str(last.value)) == (message, message)


def test_a_stage_file_cut_at_any_byte_is_refused(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "k", SNAPSHOT)
    path = folder / "curate.json"
    whole = path.read_bytes()

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(IntegrityError, match=r"curate\.json is damaged"):
            read_stage(folder, "curate", "k", Snapshot)


def test_bytes_that_are_no_utf8_are_named_as_damage(home: Home) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_bytes(b"\xff\xfe{}")

    with pytest.raises(IntegrityError, match=r"curate\.json is damaged"):
        read_stage(folder, "curate", "k", Snapshot)


@pytest.mark.parametrize("entry", [{"key": "k", "record": BASE.model_dump()}, {"key": "k", "record": []}, {"key": "k"}])
def test_a_record_of_another_kind_or_none_at_all_is_refused_by_name(home: Home, entry: dict[str, Any]) -> None:
    folder = home.round("tiny", 1)
    folder.mkdir(parents=True)
    (folder / "curate.json").write_text(json.dumps(entry), encoding="utf-8")
    message = f"{folder / 'curate.json'} holds no Snapshot: delete it to run the stage again."

    with pytest.raises(IntegrityError) as read:
        read_stage(folder, "curate", "k", Snapshot)
    with pytest.raises(IntegrityError) as last:
        read_last(folder, "curate", Snapshot)

    assert (str(read.value), str(last.value)) == (message, message)


def test_rounds_are_listed_in_their_order_each_with_its_end(home: Home) -> None:
    for number in (1, 2, 10):
        begin_round(home, number, DOMAIN, CHAMPION)
    for number in (1, 2):
        end_round(home, OPENED.model_copy(update={"number": number}), f"{number}" * 64)
    begin_round(home, 1, DOMAIN.model_copy(update={"name": "other"}), CHAMPION)

    listed = [(opened.number, end.inputs_sha256[0] if end else None) for opened, end in read_rounds(home, "tiny")]

    assert listed == [(1, "1"), (2, "2"), (10, None)]


def test_a_round_is_read_as_it_began(home: Home) -> None:
    begun = begin_round(home, 1, DOMAIN, CHAMPION)

    assert [opened for opened, _ in read_rounds(home, "tiny")] == [begun] == [OPENED]


def test_finished_stages_come_in_their_order_whatever_order_the_files_have(home: Home) -> None:
    opened = begin_round(home, 1, DOMAIN, CHAMPION)
    for stage in ("train", "collect", "curate"):
        write_stage(home.round("tiny", 1), stage, "k", SNAPSHOT)

    assert finished_stages(home, opened) == ["collect", "curate", "train"]


def test_what_a_round_learns_from_is_the_config_the_files_and_the_feedback() -> None:
    other = DOMAIN.model_copy(update={"documents": FileRef(sha256="d" * 64, rows=1)})
    states = {
        inputs_sha256(make_config(), DOMAIN, "f" * 64),
        inputs_sha256(make_config(seed=1), DOMAIN, "f" * 64),
        inputs_sha256(make_config(), other, "f" * 64),
        inputs_sha256(make_config(), DOMAIN, "0" * 64),
    }

    assert len(states) == 4
    assert inputs_sha256(make_config(), DOMAIN, "f" * 64) in states


@pytest.mark.parametrize(
    "change",
    [
        {"prices": {"usd_per_label": 3}},
        {"benchmark": {"correct_from": 0.3}},
        {"retrieval": {"passages": 3}},
        {"monitor": {"days": 3}},
        {"serve": {"canary_share": 0.5}},
    ],
)
def test_what_is_only_said_of_a_model_is_nothing_to_learn_from(change: dict[str, Any]) -> None:
    assert inputs_sha256(make_config(**change), DOMAIN, "f" * 64) == inputs_sha256(make_config(), DOMAIN, "f" * 64)


def test_another_record_of_a_stage_is_kept_under_the_key_that_it_ran_with(home: Home) -> None:
    folder = home.round("tiny", 1)
    write_stage(folder, "curate", "key", SNAPSHOT)
    other = SNAPSHOT.model_copy(update={"dropped": {"tie": 1}})

    revise_stage(folder, "curate", other)

    assert read_stage(folder, "curate", "key", Snapshot) == other
    assert read_stage(folder, "curate", "another key", Snapshot) is None
