"""What is read of traces of a real MLflow, written as a production application and its users write them."""

from collections.abc import Callable
from typing import Any

import pytest
from example_production import kept_candidates, kept_questions
from integration.feedback.production.application import Production

from tasks.feedback.end_user_pulling import EndUserPull
from tasks.feedback.end_users import UNKNOWN_WEIGHTS
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.production_traces import rating_of
from tasks.feedback.pulling import annotator_salt
from tasks.home import Home
from tasks.records import Feedback


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
    (candidate,) = kept_candidates(home)
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
    assert {each.question for each in kept_questions(home)} == {"Where is the salt?", "Where is the sugar?"}
    assert {each.text for each in kept_candidates(home)} == {"It is on shelf 2.", "Next to the flour."}
    assert {each.weights_sha256 for each in kept_candidates(home)} == {UNKNOWN_WEIGHTS}


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
