"""What people see in a real Argilla, what they must not see, and edits that would change what their answers mean."""

from collections.abc import Callable
from typing import Any

import pytest
from integration.feedback.label_requests import GUIDELINES, NAME, Person, external_ids, make_request, make_requests

from tasks.errors import ArgillaError
from tasks.feedback.argilla_connection import call
from tasks.feedback.argilla_store import PushedDataset, pull_responses


def test_people_see_the_page_that_was_meant(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1, contexts=("First passage.", "Second passage."))
    pushed = push([request])
    ann = make_person()
    assert ann.record(pushed.id, request)["fields"] == {
        "prompt": [{"role": "user", "content": "What does function 1 do?"}],
        "context": "[1] First passage.\n\n[2] Second passage.",
        "answer_a": "It returns the value number 1.",
        "answer_b": "It prints the value number 1.",
    }
    dataset = ann.client.get(f"/api/v1/datasets/{pushed.id}").json()
    assert dataset["guidelines"] == GUIDELINES
    assert dataset["distribution"] == {"strategy": "overlap", "min_submitted": 1}
    assert f"/dataset/{pushed.id}/annotation-mode" in pushed.url
    questions = ann.client.get(f"/api/v1/datasets/{pushed.id}/questions").json()["items"]
    assert [(question["name"], question["required"]) for question in questions] == [
        ("preference", True),
        ("correction", False),
        ("reason", False),
    ]
    assert [option["text"] for option in questions[0]["settings"]["options"]] == [
        "Answer A is better",
        "Answer B is better",
        "Both are good",
        "Both are bad",
    ]


def test_a_judge_is_shown_as_a_suggestion_with_its_score(
    push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1)
    [suggestion] = make_person().record(push([request]).id, request)["suggestions"]
    assert (suggestion["value"], suggestion["agent"], suggestion["score"], suggestion["type"]) == (
        "both_good",
        "judge:reference",
        0.375,
        "model",
    )


def test_the_audit_slice_is_answered_by_two_people_unaided(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1, why="audit")
    pushed = push([request], audit=True)
    ann, ben = make_person(), make_person()
    assert ann.record(pushed.id, request)["suggestions"] == []
    ann.answer(ann.record(pushed.id, request), preference="a")
    assert ben.record(pushed.id, request)["status"] == "pending"
    ben.answer(ben.record(pushed.id, request), preference="b")
    assert ben.record(pushed.id, request)["status"] == "completed"
    assert {each.values["preference"] for each in pull_responses(client, pushed.id).responses} == {"a", "b"}


def test_nothing_on_the_page_tells_whose_answer_it_is(
    push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    request = make_request(1)
    pushed = push([request])
    ann = make_person()
    record = ann.record(pushed.id, request)
    assert record["metadata"] == {"round": 3, "priority": 1}
    properties = ann.client.get(f"/api/v1/me/datasets/{pushed.id}/metadata-properties").json()["items"]
    assert {each["name"] for each in properties} == {"round", "priority"}
    for hidden in ("rag_ft", "unsure", request.candidate_a, request.candidate_b):
        assert hidden not in str(record)


def test_the_page_asks_in_the_order_of_priority(
    client: Any, push: Callable[..., PushedDataset], make_person: Callable[[], Person]
) -> None:
    requests = make_requests(30)
    pushed = push(requests)
    assert pushed.url.endswith("?sort=metadata.priority.asc")
    in_order = [request.id for request in sorted(requests, key=lambda request: request.priority)]
    # What the page makes of that parameter.
    sort = {"scope": {"entity": "metadata", "metadata_property": "priority"}, "order": "asc"}
    assert [record["external_id"] for record in make_person().records(pushed.id, sort)] == in_order
    assert external_ids(client, pushed.id) == in_order


def edit_option(client: Any, dataset_id: str) -> None:
    [question, *_] = call(client, "GET", f"/api/v1/datasets/{dataset_id}/questions")["items"]
    options = question["settings"]["options"]
    options[0]["text"], options[1]["text"] = options[1]["text"], options[0]["text"]
    settings = {"type": "label_selection", "options": options}
    call(client, "PATCH", f"/api/v1/questions/{question['id']}", body={"settings": settings})


def edit_field(client: Any, dataset_id: str) -> None:
    fields = call(client, "GET", f"/api/v1/datasets/{dataset_id}/fields")["items"]
    [field] = [field for field in fields if field["name"] == "answer_a"]
    call(client, "PATCH", f"/api/v1/fields/{field['id']}", body={"title": "Answer B"})


def show_metadata(client: Any, dataset_id: str) -> None:
    items = call(client, "GET", f"/api/v1/me/datasets/{dataset_id}/metadata-properties")["items"]
    [arms] = [item for item in items if item["name"] == "arms"]
    call(client, "PATCH", f"/api/v1/metadata-properties/{arms['id']}", body={"visible_for_annotators": True})


def delete_metadata(client: Any, dataset_id: str) -> None:
    items = call(client, "GET", f"/api/v1/me/datasets/{dataset_id}/metadata-properties")["items"]
    [priority] = [item for item in items if item["name"] == "priority"]
    call(client, "DELETE", f"/api/v1/metadata-properties/{priority['id']}")


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (edit_option, "question 'preference' has options {'a': 'Answer B is better', 'b': 'Answer A is better'"),
        (edit_field, "field 'answer_a' has title 'Answer B' instead of 'Answer A'"),
        (show_metadata, "metadata 'arms' has visible_for_annotators True instead of False"),
        (delete_metadata, "metadata 'priority' is missing"),
    ],
)
def test_a_dataset_that_somebody_changed_is_told(
    client: Any, push: Callable[..., PushedDataset], edit: Callable[[Any, str], None], text: str
) -> None:
    pushed = push(make_requests(2))
    edit(client, pushed.id)
    for act in (lambda: pull_responses(client, pushed.id), lambda: push(make_requests(2))):
        with pytest.raises(ArgillaError) as caught:
            act()
        [problem] = caught.value.problems
        assert text in problem and f"The dataset {NAME!r} in Argilla" in problem and "undo that" in problem


def test_wording_that_explains_is_theirs_to_change(client: Any, push: Callable[..., PushedDataset]) -> None:
    pushed = push(make_requests(2))
    [question, *_] = call(client, "GET", f"/api/v1/datasets/{pushed.id}/questions")["items"]
    call(client, "PATCH", f"/api/v1/questions/{question['id']}", body={"title": "Was ist besser?"})
    call(client, "PATCH", f"/api/v1/datasets/{pushed.id}", body={"guidelines": "Bitte wählen."})
    assert pull_responses(client, pushed.id).responses == ()
    assert push(make_requests(2)).added == 0
