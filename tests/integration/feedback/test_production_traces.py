"""Thumbs and edits on traces of a real MLflow, written as a production application and its users write them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.config import Config
from tasks.errors import ConfigError, UnreachableError
from tasks.feedback import log
from tasks.feedback.end_user_pulling import EndUserPull, pull_end_user_feedback
from tasks.feedback.end_users import UNKNOWN_WEIGHTS
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.production_store import load_production
from tasks.feedback.production_traces import rating_of
from tasks.feedback.pulling import annotator_salt
from tasks.home import Home
from tasks.records import Candidate, Feedback
from tasks.registry.connection import connect
from tasks.settings.feedback import EndUserSettings

EXPERIMENT = "shop assistant"
QUESTIONS = (
    '{"question": "What is a deque?", "answer": "A queue with two ends.", "id": "deque", "split": "train"}\n'
    '{"question": "What is a heap?", "answer": "A tree.", "id": "heap", "split": "test"}\n'
)
REPOSITORY = Path(__file__).parents[3]
KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.config import load_config
from tasks.feedback import end_user_pulling, log
from tasks.home import find_home
log.append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
end_user_pulling.pull_end_user_feedback(load_config(Path(sys.argv[1])), find_home())
"""


class Production:
    """An application that is traced, and the people who use it."""

    def __init__(self, config: Config, home: Home) -> None:
        with connect(config, home) as client:
            import mlflow

            self.mlflow, self.client = mlflow, client
        mlflow.set_tracking_uri(client.tracking_uri)
        # MLflow's own choice for artifacts is the current folder.
        self.experiment = client.create_experiment(EXPERIMENT, artifact_location=str(home.mlflow_artifacts))
        mlflow.set_experiment(EXPERIMENT)

    def chat(self, *messages: str, answer: Any = "It is a list.", **options: Any) -> str:
        """An OpenAI-style chat, user and assistant taking turns; returns the trace's id."""
        roles = ("user", "assistant")
        said = [{"role": roles[turn % 2], "content": text} for turn, text in enumerate(messages)]
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        inputs = {"model": "shop", "messages": [{"role": "system", "content": "Be brief."}, *said]}
        return self.trace(inputs, {"object": "chat.completion", "choices": [choice]}, **options)

    def trace(
        self, inputs: Any, outputs: Any, *, days_ago: float = 0, tags: dict[str, str] | None = None, user: str = ""
    ) -> str:
        with self.mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
            span.set_inputs(inputs)
            span.set_outputs(outputs)
            self.mlflow.update_current_trace(tags=tags or {}, metadata={"mlflow.trace.user": user} if user else {})
        self.mlflow.flush_trace_async_logging()
        if days_ago:
            self.age(span.trace_id, days_ago)
        return str(span.trace_id)

    def age(self, trace_id: str, days: float) -> None:
        """Makes the trace older, as no application can."""
        import sqlite3

        database = self.client.tracking_uri.removeprefix("sqlite:///")
        when = int((datetime.now(UTC) - timedelta(days=days)).timestamp() * 1000)
        with sqlite3.connect(database) as connection:
            connection.execute("update trace_info set timestamp_ms = ? where request_id = ?", (when, trace_id))
        connection.close()

    def source(self, user: str | None, kind: str = "HUMAN") -> Any:
        from mlflow.entities import AssessmentSource

        return AssessmentSource(kind, user) if user is not None else AssessmentSource(kind)

    def rate(self, trace_id: str, value: Any = True, user: str | None = "ann", **more: Any) -> Any:
        kind = more.pop("kind", "HUMAN")
        return self.mlflow.log_feedback(
            trace_id=trace_id, value=value, source=self.source(user, kind), **{"name": "thumbs", **more}
        )

    def edit(self, trace_id: str, text: Any, user: str | None = "ann", name: str = "expected_response") -> Any:
        return self.mlflow.log_expectation(trace_id=trace_id, name=name, value=text, source=self.source(user))


@pytest.fixture
def home(ratchet_home: Path, empty_database: Path) -> Home:
    ratchet_home.mkdir()
    shutil.copyfile(empty_database, ratchet_home / "mlflow.db")
    return Home(ratchet_home)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "questions.jsonl").write_text(QUESTIONS, encoding="utf-8")
    users = EndUserSettings(mlflow_experiment=EXPERIMENT)
    return Config(name="d", questions="questions.jsonl", end_users=users, root=tmp_path)


@pytest.fixture
def production(config: Config, home: Home) -> Iterator[Production]:
    production = Production(config, home)
    yield production
    production.mlflow.flush_trace_async_logging()
    production.mlflow.set_tracking_uri(None)


@pytest.fixture
def pull(config: Config, home: Home) -> Callable[..., EndUserPull]:
    def look(**settings: int) -> EndUserPull:
        end_users = config.end_users.model_copy(update=settings)
        return pull_end_user_feedback(config.model_copy(update={"end_users": end_users}), home)

    return look


@pytest.fixture
def rows(home: Home) -> Callable[[], list[Feedback]]:
    return lambda: log.read(home, "d")


def test_a_thumb_and_an_edit_on_a_chat_become_feedback_on_its_answer(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]], home: Home
) -> None:
    chat = production.chat("What is a deque?", tags={"ratchet.adapter_sha256": "a" * 64})
    thumb = production.rate(chat, False, rationale="It has two ends.")
    edit = production.edit(chat, "A double-ended queue.")
    assert pull() == EndUserPull(new=2, skipped={})
    rated, edited = sorted(rows(), key=lambda row: row.rating is None)
    ann = annotator_id(annotator_salt(home), "ann")
    assert (rated.rating, rated.reason, rated.correction) == ("down", "It has two ends.", None)
    assert (edited.rating, edited.correction) == (None, "A double-ended queue.")
    for row, assessment in ((rated, thumb), (edited, edit)):
        assert (row.source, row.annotator, row.question_id, row.preference) == ("end_user", ann, "deque", "tie")
        assert row.given_at is not None
        assert round(row.given_at.timestamp() * 1000) == assessment.last_update_time_ms
    (candidate,) = load_production(home, "d", []).candidates
    assert (candidate.id, candidate.text, candidate.weights_sha256) == (rated.candidate_a, "It is a list.", "a" * 64)
    assert edited.candidate_a == edited.candidate_b == candidate.id


def test_a_traced_function_and_an_openai_client_are_read_alike(
    production: Production, pull: Callable[..., EndUserPull], home: Home
) -> None:
    mlflow = production.mlflow

    @mlflow.trace
    def answer(question: str, shelves: int = 2) -> str:
        with mlflow.start_span("retrieve") as span:
            span.set_inputs({"query": "something else"})
        return f"It is on shelf {shelves}."

    answer("Where is the salt?")
    mlflow.flush_trace_async_logging()
    production.rate(mlflow.get_last_active_trace_id(), "up", name="user_feedback")
    production.rate(openai_chat(mlflow, "Where is the sugar?"), 1)
    assert pull().new == 2
    kept = load_production(home, "d", [])
    assert {each.question for each in kept.questions} == {"Where is the salt?", "Where is the sugar?"}
    assert {each.text for each in kept.candidates} == {"It is on shelf 2.", "Next to the flour."}
    assert {each.weights_sha256 for each in kept.candidates} == {UNKNOWN_WEIGHTS}


def openai_chat(mlflow: Any, question: str) -> str:
    """A chat through OpenAI's own client with MLflow's tracing of it switched on; the server is a stub."""
    import httpx
    import openai

    message = {"role": "assistant", "content": "Next to the flour."}
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "shop",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    mlflow.openai.autolog()
    try:
        client = openai.OpenAI(
            api_key="none", base_url="http://stub.invalid/v1", http_client=httpx.Client(transport=transport)
        )
        client.chat.completions.create(model="shop", messages=[{"role": "user", "content": question}])
        mlflow.flush_trace_async_logging()
        return str(mlflow.get_last_active_trace_id())
    finally:
        mlflow.openai.autolog(disable=True)


@pytest.mark.parametrize(
    ("name", "value", "rating"),
    [
        ("thumbs", True, "up"),
        ("thumbs", 0, "down"),
        ("thumbs", -1.0, "down"),
        ("thumbs", "👎", "down"),
        ("User feedback", "Thumbs_Up ", "up"),
        ("user_satisfaction", True, "up"),
        ("user_satisfaction", 1, None),
        ("feedback", 1, None),
        ("thumbs", 4, None),
        ("thumbs", "perhaps", None),
        ("thumbs", ["up"], None),
        ("thumbs", None, None),
    ],
)
def test_what_means_a_thumb(name: str, value: Any, rating: str | None) -> None:
    assert rating_of(value, name) == rating


def test_pulling_again_adds_nothing_and_reads_no_trace(
    production: Production, pull: Callable[..., EndUserPull], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        production.rate(production.chat(f"Question {number}?"))
    assert pull().new == 3
    before = log.segments(home, "d")
    from tasks.feedback import production_traces

    with monkeypatch.context() as patch:
        patch.setattr(production_traces, "read_rated", lambda *_: pytest.fail("a trace was read again"))
        assert pull() == EndUserPull(new=0, skipped={})
    for note in (home.feedback_log("d") / "pulled").iterdir():
        note.write_text('{"traces"')
    assert pull() == EndUserPull(new=0, skipped={})
    assert log.segments(home, "d") == before


def test_a_thumb_that_comes_days_after_its_answer_is_found_within_the_look_back(
    production: Production, pull: Callable[..., EndUserPull]
) -> None:
    ancient, old, new = (production.chat(f"Question {days}?", days_ago=days) for days in (200, 20, 1))
    production.rate(new)
    assert pull().new == 1
    production.rate(old)
    production.rate(ancient)
    assert pull(look_back_days=10).new == 0
    assert pull().new == 1
    assert pull(look_back_days=300).new == 1


def test_the_first_pull_has_no_look_back(production: Production, pull: Callable[..., EndUserPull]) -> None:
    production.rate(production.chat("What is a deque?", days_ago=400))
    assert pull(look_back_days=1).new == 1
    assert pull(look_back_days=1).new == 0


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


def test_what_cannot_be_used_is_counted_by_reason_once(
    production: Production, pull: Callable[..., EndUserPull], capsys: pytest.CaptureFixture[str]
) -> None:
    production.rate(production.chat("What is it?", "A list.", "Why?"))
    production.rate(production.chat("What is a heap?"))
    production.rate(production.chat("What is a queue?", answer=""))
    production.rate(production.trace({"k": 3}, "An answer."))
    production.rate(production.trace("A question?", {"score": 1.0}))
    production.rate(production.trace("Scored?", "Yes.", tags={"mlflow.trace.sourceScorer": "correctness"}))
    chat = production.chat("What is a deque?")
    production.rate(chat, 5)
    production.rate(chat, "up", user="gpt", kind="LLM_JUDGE")
    production.edit(chat, {"facts": ["two ends"]})
    production.rate(chat, "up", user="session", metadata={"mlflow.trace.session": "s"})
    production.rate(chat, "up", user="step", span_id="0" * 16)
    production.rate(chat, True, name="is_safe")
    pulled = pull()
    assert pulled.new == 0
    assert pulled.skipped == {
        "conversations_of_several_turns": 1,
        "answers_to_test_questions": 1,
        "answers_blank": 1,
        "traces_without_a_question": 1,
        "traces_without_an_answer": 1,
        "traces_of_scorers": 1,
        "ratings_unreadable": 1,
        "assessments_not_by_people": 1,
        "edits_unreadable": 1,
        "assessments_of_whole_conversations": 1,
        "assessments_of_single_steps": 1,
    }
    assert "1 conversations of several turns" in capsys.readouterr().err
    assert pull() == EndUserPull(new=0, skipped={})


def test_a_trace_that_failed_is_left_out(production: Production, pull: Callable[..., EndUserPull]) -> None:
    with pytest.raises(ZeroDivisionError), production.mlflow.start_span("chat") as span:
        span.set_inputs({"question": "Why?"})
        span.set_outputs("Because")
        _ = 1 / 0
    production.mlflow.flush_trace_async_logging()
    production.rate(span.trace_id)
    assert pull() == EndUserPull(new=0, skipped={"traces_unfinished_or_failed": 1})


def test_a_thumb_on_the_root_span_is_on_the_answer_and_one_without_a_name_is_the_traces_users(
    production: Production, pull: Callable[..., EndUserPull], rows: Callable[[], list[Feedback]], home: Home
) -> None:
    chat, nobodys = production.chat("What is a deque?", user="carl"), production.chat("Where is it?")
    root = production.client.get_trace(chat).data.spans[0].span_id
    production.rate(chat, "up", user=None, span_id=root)
    production.rate(nobodys, "up", user=None)
    assert pull().new == 2
    carl = annotator_id(annotator_salt(home), "carl")
    assert {row.annotator for row in rows()} == {carl, None}


def test_more_traces_than_a_page_holds_are_all_read(
    production: Production, pull: Callable[..., EndUserPull], monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    from tasks.feedback import end_user_pulling, production_traces

    monkeypatch.setattr(production_traces, "_PAGE", 2)
    monkeypatch.setattr(end_user_pulling, "_TRACES_AT_ONCE", 3)
    for number in range(7):
        production.rate(production.chat(f"Question {number}?"))
    assert pull().new == 7
    assert len(load_production(home, "d", []).candidates) == 7
    assert pull().new == 0


def test_a_pull_killed_between_the_candidates_and_the_log_loses_nothing(
    production: Production, pull: Callable[..., EndUserPull], config: Config, home: Home
) -> None:
    for number in range(3):
        production.rate(production.chat(f"Question {number}?"))
    path = config.root / "d.yaml"
    path.write_text(config.model_dump_json(), encoding="utf-8")  # JSON is YAML
    environment = {**os.environ, "RATCHET_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, timeout=300, check=False)
    assert process.returncode == -signal.SIGKILL
    assert log.segments(home, "d") == []
    assert pull().new == 3
    kept: tuple[Candidate, ...] = load_production(home, "d", []).candidates
    assert {each.id for each in kept} == {row.candidate_a for row in log.read(home, "d")}


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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop", "MLflow has no experiment 'shop'; correct the name"),
        ("d", "'d' is where Ratchet keeps the domain's own runs and judges' traces"),
        (EXPERIMENT, "'shop assistant' was deleted; restore it with `mlflow experiments restore"),
    ],
)
def test_an_experiment_that_cannot_be_production_is_refused(
    production: Production, config: Config, home: Home, name: str, message: str
) -> None:
    production.client.delete_experiment(production.experiment)
    users = EndUserSettings(mlflow_experiment=name)
    with pytest.raises(ConfigError, match=message):
        pull_end_user_feedback(config.model_copy(update={"end_users": users}), home)


def test_a_server_that_is_down_is_said_and_what_files_hold_is_kept(config: Config, home: Home) -> None:
    line = '{"question": "What is a deque?", "answer": "A list.", "rating": "down"}\n'
    (config.root / "drop.jsonl").write_text(line)
    both = EndUserSettings(mlflow_experiment=EXPERIMENT, files=("drop.jsonl",))
    down = config.model_copy(update={"mlflow_tracking_uri": "http://127.0.0.1:9", "end_users": both})
    with pytest.raises(UnreachableError, match="does not answer"):
        pull_end_user_feedback(down, home)
    assert len(log.read(home, "d")) == 1
