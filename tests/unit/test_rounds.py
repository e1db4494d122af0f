"""What a stage and a round depend on: a change of it makes another key, and a change of anything else does not."""

from pathlib import Path
from typing import Any

import pytest
from example_rounds import DOMAIN, OPENED, SNAPSHOT

from tasks.config import Config
from tasks.records import STAGES, FileRef, Stage
from tasks.rounds import inputs_sha256, stage_key
from tasks.settings.feedback import HumanFeedbackSettings


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
