"""Thumbs and edits that are overridden, deleted and given again: the last word counts."""

from collections.abc import Callable

from integration.feedback.production.application import EXPERIMENT, Production

from tasks.config import Config
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.pulling import annotator_salt
from tasks.home import Home
from tasks.records import Feedback
from tasks.settings.feedback import EndUserSettings


def test_an_overridden_thumb_is_replaced_and_a_changed_edit_is_the_last_word(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]]
) -> None:
    from mlflow.entities import Expectation

    chat = production.chat("What is a deque?")
    thumb, edit = production.rate(chat, True), production.edit(chat, "A queue.")
    assert pull().new == 2
    production.mlflow.override_feedback(
        trace_id=chat, assessment_id=thumb.assessment_id, value=False, source=production.source("ann")
    )
    production.mlflow.update_assessment(
        chat, edit.assessment_id, Expectation(name="expected_response", value="A double-ended queue.")
    )
    assert pull().new == 2
    assert {(row.rating, row.correction) for row in rows()} == {("down", None), (None, "A double-ended queue.")}


def test_somebody_elses_override_takes_the_users_word_back(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]], home: Home
) -> None:
    chat = production.chat("What is a deque?")
    thumb = production.rate(chat, True)
    pull()
    production.mlflow.override_feedback(
        trace_id=chat, assessment_id=thumb.assessment_id, value=False, source=production.source("boss")
    )
    assert pull().new == 2
    (row,) = rows()
    assert (row.rating, row.annotator) == ("down", annotator_id(annotator_salt(home), "boss"))


def test_a_deleted_thumb_is_retracted_once_and_counts_when_it_is_given_again(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]], home: Home
) -> None:
    chat = production.chat("What is a deque?")
    thumb = production.rate(chat)
    production.edit(chat, "A queue.")
    pull()
    production.mlflow.delete_assessment(chat, thumb.assessment_id)
    assert pull().new == 1
    assert [row.correction for row in rows()] == ["A queue."]
    assert [row.retracted for row in log.read_last_words(home, "d") if row.rating] == [True]
    assert pull().new == 0
    production.rate(chat, False)
    assert pull().new == 1
    assert {row.rating for row in rows()} == {"down", None}


def test_a_trace_that_lost_its_only_thumb_is_seen_and_one_that_is_gone_takes_nothing_back(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]]
) -> None:
    lost, gone = production.chat("Lost?"), production.chat("Gone?")
    thumb, _ = production.rate(lost), production.rate(gone)
    assert pull().new == 2
    production.mlflow.delete_assessment(lost, thumb.assessment_id)
    production.client.delete_traces(production.experiment, trace_ids=[gone])
    assert pull().new == 1
    (kept,) = rows()
    assert kept.rating == "up" and kept.question_id != "deque"
    assert pull().new == 0


def test_deleting_the_later_of_two_words_brings_the_earlier_one_back(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]]
) -> None:
    first, second = production.chat("What is a deque?"), production.chat("What is a deque?")
    earlier, later = production.rate(first, True), production.rate(second, False)
    assert pull().new == 1
    assert [row.rating for row in rows()] == ["down"]
    production.mlflow.delete_assessment(second, later.assessment_id)
    assert pull().new == 1
    assert [row.rating for row in rows()] == ["up"]
    assert pull().new == 0
    production.mlflow.delete_assessment(first, earlier.assessment_id)
    assert pull().new == 1
    assert rows() == []


def test_an_override_that_is_deleted_gives_the_first_word_back(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]]
) -> None:
    chat = production.chat("What is a deque?")
    thumb = production.rate(chat, True)
    override = production.mlflow.override_feedback(
        trace_id=chat, assessment_id=thumb.assessment_id, value=False, source=production.source("ann")
    )
    pull()
    production.mlflow.delete_assessment(chat, override.assessment_id)
    assert pull().new == 1
    assert [row.rating for row in rows()] == ["up"]
    assert pull().new == 0


def test_a_file_and_a_trace_that_say_the_same_are_one_judgement_with_the_later_word(
    production: Production, config: Config, home: Home, rows: Callable[[], list[Feedback]]
) -> None:
    production.rate(production.chat("What is a deque?"), True)
    (config.root / "drop.jsonl").write_text(
        '{"question": "What is a deque?", "answer": "It is a list.", "rating": "down", "user": "ann", '
        '"at": "2020-01-01T00:00:00Z"}\n'
    )
    both = EndUserSettings(mlflow_experiment=EXPERIMENT, files=("drop.jsonl",))
    assert pull_end_user_feedback(config.model_copy(update={"end_users": both}), home).new == 2
    assert [row.rating for row in rows()] == ["up"]
