"""What people are asked and answer in tests, and one pull of it."""

from example_records import candidate, minute

from tasks.feedback.ingesting import ORACLE_USERNAME, reconcile
from tasks.feedback.labels import LabelRequest, LabelResponse
from tasks.feedback.log import one_per_id
from tasks.files import sha256_of
from tasks.records import Feedback, FileRef, LabelDataset, Message

SALT = "salt"
USERS = {"u1": "ann", "u2": "bob", "u3": ORACLE_USERNAME}


def dataset(name: str = "ds", audit: bool = False) -> LabelDataset:
    return LabelDataset(
        id=name, name="d-round-1", workspace="w", url="http://x", audit=audit, requests=FileRef(sha256="0" * 64, rows=1)
    )


def request(name: str = "q", round_number: int = 1, a: str = "x", b: str = "y") -> LabelRequest:
    return LabelRequest(
        id=sha256_of([name, round_number, sorted((a, b))]),
        round=round_number,
        question_id=name,
        prompt=(Message(role="user", content="What?"),),
        candidate_a=candidate(a, name).id,
        candidate_b=candidate(b, name).id,
        answer_a=a,
        answer_b=b,
        arms=("base", "base"),
        why="diverse",
        priority=1,
    )


REQUESTS = [request("q"), request("p", a="y", b="x"), request("r")]


def response(at: int = 1, user: str = "u1", to: str = REQUESTS[0].id, **more: object) -> LabelResponse:
    values = {key: more.pop(key) for key in ("preference", "correction", "reason") if key in more}
    fields = {"values": values or {"preference": "a"}, "status": "submitted", "dataset_id": "ds", **more}
    name = fields.pop("username", USERS.get(user))
    return LabelResponse.model_validate(
        {"request_id": to, "user_id": user, "username": name, "updated_at": minute(at), **fields}
    )


def pull(
    responses: list[LabelResponse],
    known: list[Feedback] | tuple[Feedback, ...] = (),
    *,
    as_of: int = 99,
    requests: list[LabelRequest] | None = None,
    users: set[str] | None = None,
    records: set[str] | None = None,
    audit: bool = False,
) -> tuple[list[Feedback], dict[str, int]]:
    requests = REQUESTS if requests is None else requests
    rows, skipped = reconcile(
        requests,
        responses,
        one_per_id(known),
        dataset=dataset(audit=audit),
        present_users=set(USERS) if users is None else users,
        present_records={each.id for each in requests} if records is None else records,
        as_of=minute(as_of),
        salt=SALT,
    )
    return rows, {reason: count for reason, count in skipped.items() if count}
