"""From Argilla's present state to the rows that the append-only feedback log lacks, and counts of labels.

Each response has one id in the log, and the row edited last, by the server's clock, is its last word (log.one_per_id).
So rows may be appended twice, in any order and by several processes: what counts in the end is the same. A response
that was discarded, cleared, or saved as a draft after it was submitted (Argilla's page offers that) counts no more
until it is submitted again; the log then has a retracted row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from tasks.feedback.argilla_settings import PREFERENCES
from tasks.feedback.labels import LabelRequest, LabelResponse
from tasks.feedback.log import one_per_id
from tasks.feedback.pairing import comparable_text
from tasks.feedback.sources import feedback_id, is_person
from tasks.feedback.votes import preference_on_pair
from tasks.files import sha256_of
from tasks.records import Count, Feedback, LabelDataset, Preference, Record

# Who answers in people's place in demos and tests; what it says is told apart from what people say.
ORACLE_USERNAME = "ratchet-oracle"

_SKIPPED = (
    "responses_of_other_datasets",
    "responses_on_foreign_records",
    "responses_on_unknown_records",
    "responses_as_drafts",
    "responses_without_preference",
    "responses_with_unknown_preference",
    "corrections_unreadable",
    "corrections_repeating_an_answer",
    "reasons_unreadable",
)
_SHA256_DIGITS = 64


class LabelCounts(Record):
    """How far the labelling of a round has come; every figure counts requests."""

    round: Annotated[int, Field(ge=1)]
    annotator: str | None = Field(description="opaque id; None: everyone together")
    pushed: Count = Field(description="requests put before people")
    answered: Count = Field(description="with an answer that stands")
    agreed: Count = Field(description="answered by two people or more, and by all of them in the same way")
    discarded: Count = Field(description="discarded or taken back, and with no answer that stands")


def reconcile(
    requests: Sequence[LabelRequest],
    responses: Sequence[LabelResponse],
    known: Sequence[Feedback],
    *,
    dataset: LabelDataset,
    present_users: AbstractSet[str],
    present_records: AbstractSet[str],
    as_of: datetime,
    salt: str,
) -> tuple[list[Feedback], dict[str, int]]:
    """The rows that are news to the log, sorted by id, and what was left aside, by reason.

    Nothing that a response may hold is an error: what cannot be used is skipped and counted. Texts are kept to the
    last character; a blank correction or reason is none, and a correction that repeats an answer (but for whitespace)
    is none. Preferences are about `candidate_a` and `candidate_b` of the row, in the order they were shown.

    A judgement is taken back when its response is gone while its record and its author are there. Without them it
    stands: an author who was deleted and a record that was tidied away take nothing back. A response that Argilla
    has is no news where the log has a later word on it, from a pull that saw more.

    Args:
        requests: what was put into this dataset.
        responses: every response Argilla holds in it.
        known: the log's last word on every judgement, retracted ones among them.
        present_users: ids of the users that exist.
        present_records: external ids of the records that are in the dataset, from the listing the responses are from.
        as_of: the dataset's last activity by the server's clock, read before the responses: at that time, or later,
            the gone responses were gone.
        salt: the home's secret, from which annotators get their opaque ids.
    """
    request_by_id = {request.id: request for request in requests}
    last_word = {row.id: row for row in known}
    skipped = dict.fromkeys(_SKIPPED, 0)
    found: list[Feedback] = []
    seen: set[str] = set()
    for response in responses:
        request = _find_request(response, dataset, request_by_id, skipped)
        if request is None:
            continue
        row = _read_response(response, request, dataset, last_word, salt, skipped)
        seen.add(row.id)
        before = last_word.get(row.id)
        # What never counted need not be taken back; a discarded one is kept as that, to be counted.
        if not row.retracted or response.status == "discarded" or (before is not None and not before.retracted):
            found.append(row)
    annotators = {annotator_id(salt, user_id) for user_id in present_users}
    there = [request for request in requests if request.id in present_records]
    for row in _asked_in(dataset, there, known):
        gone = row.id not in seen and row.annotator in annotators and not row.retracted
        if gone and (row.given_at is None or row.given_at < as_of):
            found.append(row.model_copy(update={"retracted": True, "given_at": _utc(as_of)}))
    return [row for row in one_per_id(found) if _is_news(row, last_word.get(row.id))], skipped


def annotator_id(salt: str, user_id: str) -> str:
    """The opaque id of a user (16 hex digits): the same in every round of a home, and nobody's name."""
    return sha256_of({"salt": salt, "user_id": user_id})[:16]


def label_counts(requests: Iterable[LabelRequest], last_words: Iterable[Feedback]) -> list[LabelCounts]:
    """How far each round's labelling has come: the whole round first, then each annotator, sorted by id.

    An annotator's `pushed` are all requests of the round, and `agreed` those of their answers that someone else
    gave, too, and nobody contradicted.

    Args:
        requests: everything that was pushed.
        last_words: the log's last word on every judgement, retracted ones among them.
    """
    rows: dict[tuple[int, str, frozenset[str]], list[Feedback]] = defaultdict(list)
    for row in last_words:
        if is_person(row):
            rows[row.round, row.question_id, frozenset((row.candidate_a, row.candidate_b))].append(row)
    by_round: dict[int, dict[str, list[Feedback]]] = defaultdict(dict)
    for request in requests:
        by_round[request.round][request.id] = rows.get(_key(request), [])
    counts = []
    for number, answers in sorted(by_round.items()):
        people = {row.annotator for given in answers.values() for row in given if row.annotator is not None}
        counts += [_count(number, annotator, list(answers.values())) for annotator in (None, *sorted(people))]
    return counts


def _count(round_number: int, annotator: str | None, answers: Sequence[Sequence[Feedback]]) -> LabelCounts:
    """The counts of one round, or of one annotator in it; `answers` holds what was said on each request."""
    answered = agreed = discarded = 0
    for given in answers:
        own = [row for row in given if annotator in (None, row.annotator)]
        standing = [row for row in given if not row.retracted]
        if any(not row.retracted for row in own):
            answered += 1
            several = len({(row.source, row.annotator) for row in standing}) > 1
            agreed += several and len({preference_on_pair(row) for row in standing}) == 1
        elif own:
            discarded += 1
    return LabelCounts(
        round=round_number,
        annotator=annotator,
        pushed=len(answers),
        answered=answered,
        agreed=agreed,
        discarded=discarded,
    )


def _key(request: LabelRequest) -> tuple[int, str, frozenset[str]]:
    return request.round, request.question_id, frozenset((request.candidate_a, request.candidate_b))


def _find_request(
    response: LabelResponse, dataset: LabelDataset, by_id: Mapping[str, LabelRequest], skipped: dict[str, int]
) -> LabelRequest | None:
    request = by_id.get(response.request_id)
    if response.dataset_id != dataset.id:
        skipped["responses_of_other_datasets"] += 1
        return None
    if request is None:
        # Somebody's own record, or one of ours that this home did not push.
        ours = len(response.request_id) == _SHA256_DIGITS and set(response.request_id) <= set("0123456789abcdef")
        skipped["responses_on_unknown_records" if ours else "responses_on_foreign_records"] += 1
    return request


def _read_response(
    response: LabelResponse,
    request: LabelRequest,
    dataset: LabelDataset,
    last_word: Mapping[str, Feedback],
    salt: str,
    skipped: dict[str, int],
) -> Feedback:
    """The row that says what the response says now; a retracted one when that is nothing."""
    annotator = annotator_id(salt, response.user_id)
    ids = {source: _judgement_id(source, annotator, request, dataset) for source in ("human", "oracle")}
    # A user who was deleted has no name any more, and is who they were.
    was_oracle = response.username is None and ids["oracle"] in last_word
    source = "oracle" if was_oracle or response.username == ORACLE_USERNAME else "human"
    preference = _read_preference(response, skipped) if response.status == "submitted" else None
    if response.status == "draft":
        skipped["responses_as_drafts"] += 1
    stands = preference is not None
    return Feedback(
        id=ids[source],
        question_id=request.question_id,
        candidate_a=request.candidate_a,
        candidate_b=request.candidate_b,
        preference=preference or "tie",
        source=source,
        annotator=annotator,
        correction=_read_correction(response, request, skipped) if stands else None,
        reason=_read_text(response, "reason", "reasons_unreadable", skipped) if stands else None,
        round=request.round,
        audit=dataset.audit,
        given_at=_utc(response.updated_at),
        retracted=not stands,
    )


def _read_preference(response: LabelResponse, skipped: dict[str, int]) -> Preference | None:
    value = response.values.get("preference")
    preference = PREFERENCES.get(value) if isinstance(value, str) else None
    if preference is None:
        missing = value is None or value == ""
        skipped["responses_without_preference" if missing else "responses_with_unknown_preference"] += 1
    return preference


def _read_correction(response: LabelResponse, request: LabelRequest, skipped: dict[str, int]) -> str | None:
    text = _read_text(response, "correction", "corrections_unreadable", skipped)
    if text is None:
        return None
    if comparable_text(text) in (comparable_text(request.answer_a), comparable_text(request.answer_b)):
        skipped["corrections_repeating_an_answer"] += 1
        return None
    return text


def _read_text(response: LabelResponse, question: str, unreadable: str, skipped: dict[str, int]) -> str | None:
    """The text as it was written; None when it is blank, absent, or no text that UTF-8 can hold."""
    value = response.values.get(question)
    if value is None:
        return None
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        skipped[unreadable] += 1
        return None
    return value if value.strip() else None


def _judgement_id(source: str, annotator: str, request: LabelRequest, dataset: LabelDataset) -> str:
    where = f"{dataset.id}/{request.id}"
    return feedback_id(source, annotator, request.question_id, request.candidate_a, request.candidate_b, request=where)


def _asked_in(dataset: LabelDataset, requests: Sequence[LabelRequest], known: Sequence[Feedback]) -> Iterator[Feedback]:
    """The known judgements that were given on these requests in this dataset."""
    by_key = {_key(request): request for request in requests}
    for row in known:
        request = by_key.get((row.round, row.question_id, frozenset((row.candidate_a, row.candidate_b))))
        if request is None or row.annotator is None or not is_person(row):
            continue
        if row.id == _judgement_id(row.source, row.annotator, request, dataset):
            yield row


def _is_news(row: Feedback, before: Feedback | None) -> bool:
    """Whether the log's last word would be another one with this row appended."""
    return before is None or one_per_id([row, before])[0] != before


def _utc(moment: datetime) -> datetime:
    """The same moment in UTC; Argilla's own times are UTC and do not always say so."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
