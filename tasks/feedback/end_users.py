"""What end users say of production answers, as questions, candidates and feedback like any other. Pure.

A thumb and an edit are two judgements, each with an id of its own: who said it, of which answer to which question.
The same user on the same answer therefore counts once, with the latest word, however often and wherever it is read.
Every row follows from its own reaction alone, so that any order and any batches leave the same feedback log.

Nobody asked for these judgements, so all of them are of round 1, and the clock alone says which word is the last.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated

from pydantic import Field

from tasks.domain.splits import normalised
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.log import one_per_id
from tasks.feedback.pairing import comparable_text
from tasks.feedback.sources import feedback_id
from tasks.files import sha256_of
from tasks.records import Candidate, Count, Feedback, Question, Rating, Record

END_USER = "end_user"
ARM = "production"
UNKNOWN_WEIGHTS = "0" * 64
_ROUND = 1
_TICK = timedelta(milliseconds=1)  # MLflow's clock counts in these


@dataclass(frozen=True, slots=True)
class Reaction:
    """One thumb or one edit, or both at once, by one user on one answer that was given in production."""

    question: str  # what the user asked
    answer: str  # what the model said
    item: str  # tells the answers of unknown users apart: `id` in a file, or a trace's id
    rating: Rating | None = None
    edit: str | None = None  # what it should have said, in the user's words
    reason: str | None = None  # the user's comment
    user: str | None = None  # who it was; None: nobody knows
    given_at: datetime | None = None  # with its zone; None: before all others
    weights_sha256: str | None = None  # of the adapter or base that answered; None: not known


class EndUserCounts(Record):
    """What end users said in one month; retracted judgements are left out."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")] | None = Field(
        description="YYYY-MM, UTC; None: no time given"
    )
    up: Count
    down: Count
    edits: Count
    users: Count = Field(description="different users; each judgement without a user counts as one")


@dataclass(frozen=True)
class DomainTexts:
    """The questions of a domain by their texts, to tell which of them a user asked."""

    train: Mapping[str, Question]  # by comparable text
    test: frozenset[str]  # comparable texts
    train_families: Mapping[str, str]  # family by normalised text
    test_families: frozenset[str]  # normalised texts of test questions, and names of their families


@dataclass(frozen=True)
class Taken:
    """What reactions came to: questions and candidates that are not the domain's, and feedback on them."""

    questions: tuple[Question, ...]  # new train questions, sorted by id
    candidates: tuple[Candidate, ...]  # sorted by id
    feedback: tuple[Feedback, ...]  # one for each id, sorted by id
    skipped: dict[str, int]  # by reason


def texts_of(questions: Iterable[Question]) -> DomainTexts:
    """The texts of a domain's questions; of equal train questions the one whose id sorts first."""
    ordered = sorted(questions, key=lambda question: question.id)
    train: dict[str, Question] = {}
    families: dict[str, str] = {}
    for question in ordered:
        if question.split == "train":
            train.setdefault(comparable_text(question.question), question)
            families.setdefault(normalised(question.question), question.family)
    held_out = [question for question in ordered if question.split == "test"]
    return DomainTexts(
        train=train,
        test=frozenset(comparable_text(question.question) for question in held_out),
        train_families=families,
        test_families=frozenset(name for each in held_out for name in (normalised(each.question), each.family)),
    )


def find_question(text: str, domain: DomainTexts) -> Question | None:
    """The domain's train question with this text, or a new one; None when the text is a test question's.

    Only whitespace may differ for a question to be the domain's own. A test question is known in other case and width,
    too: what differs from it in nothing else is of its family, and a family is never split. A new question's id follows
    from its text, and its family from its normalised text, so that equal questions share one.
    """
    exact, folded = comparable_text(text), normalised(text)
    if exact in domain.test:
        return None
    if exact in domain.train:
        return domain.train[exact]
    if folded in domain.test_families:
        return None
    return Question(
        id=f"production-{sha256_of(text.strip())[:16]}",
        question=text.strip(),
        family=domain.train_families.get(folded, f"production-{sha256_of(folded)[:16]}"),
        split="train",
    )


def take(reactions: Iterable[Reaction], domain: DomainTexts, salt: str) -> Taken:
    """The questions, candidates and feedback in the reactions, and what was left out, by reason.

    Args:
        salt: the home's secret, from which users get their opaque ids.
    """
    question_of = cache(lambda text: find_question(text, domain))
    annotator_of = cache(lambda user: annotator_id(salt, user))
    skipped: Counter[str] = Counter()
    questions: dict[str, Question] = {}
    candidates: dict[str, Candidate] = {}
    feedback: list[Feedback] = []
    for reaction in reactions:
        if reason := _why_unusable(reaction):
            skipped[reason] += 1
            continue
        question = question_of(reaction.question)
        if question is None:
            skipped["answers_to_test_questions"] += 1
            continue
        candidate = _candidate(question, reaction)
        annotator = None if reaction.user is None else annotator_of(reaction.user)
        rows = _judgements(reaction, candidate, annotator, skipped)
        if rows:
            questions[question.id] = question
            candidates[candidate.id] = min(candidate, candidates.get(candidate.id, candidate), key=_weights_known_first)
            feedback += rows
    own = {question.id for question in domain.train.values()}
    return Taken(
        questions=tuple(questions[name] for name in sorted(questions.keys() - own)),
        candidates=tuple(candidates[name] for name in sorted(candidates)),
        feedback=tuple(one_per_id(feedback)),
        skipped=dict(skipped),
    )


def news(rows: Iterable[Feedback], last_words: Mapping[str, Feedback]) -> list[Feedback]:
    """The rows that change the log's last word on their judgement, one for each id, sorted by id.

    Args:
        last_words: the log's last word, by id, on the judgements of these rows.
    """
    return [row for row in one_per_id([*rows, *last_words.values()]) if last_words.get(row.id) != row]


def taken_back(
    undone: Mapping[str, datetime], present: Sequence[Feedback], last_words: Mapping[str, Feedback]
) -> list[Feedback]:
    """The rows that make the log say what is so after the last word on some judgements was deleted; sorted by id.

    Where nothing is left of a judgement it is retracted, and where an earlier word has come back it counts again. Such
    a row is dated a millisecond after the word it takes the place of: a user's next word is later than that.

    Args:
        undone: by judgement, when the word that is gone was given. One with a later word elsewhere is left alone.
        present: what is said of these judgements now.
        last_words: the log's last word on them, by id.
    """
    now = {row.id: row for row in one_per_id(present)}
    rows = []
    for judgement_id, given_at in sorted(undone.items()):
        before, left = last_words.get(judgement_id), now.get(judgement_id)
        if before is None or before.retracted or before.given_at is None or before.given_at != given_at:
            continue
        if left is None:
            rows.append(before.model_copy(update={"retracted": True, "given_at": before.given_at + _TICK}))
        elif left.model_copy(update={"given_at": before.given_at}) != before:
            rows.append(left.model_copy(update={"given_at": before.given_at + _TICK}))
    return rows


def end_user_counts(last_words: Iterable[Feedback]) -> list[EndUserCounts]:
    """What end users said, month by month, the earliest first; empty when they said nothing.

    Args:
        last_words: judgements, one for each id; those of other sources and retracted ones are passed over.
    """
    months: dict[str, list[Feedback]] = defaultdict(list)
    for row in last_words:
        if row.source == END_USER and not row.retracted:
            months["" if row.given_at is None else f"{row.given_at.astimezone(UTC):%Y-%m}"].append(row)
    return [
        EndUserCounts(
            month=month or None,
            up=sum(row.rating == "up" for row in rows),
            down=sum(row.rating == "down" for row in rows),
            edits=sum(row.correction is not None for row in rows),
            users=len({row.annotator or row.id for row in rows}),
        )
        for month, rows in sorted(months.items())
    ]


def count_table(counts: Sequence[EndUserCounts]) -> list[list[str]]:
    """The counts as rows of a table with a header and, below several months, a total; empty when there are none."""
    if not counts:
        return []
    rows = [[each.month or "no time", each.up, each.down, each.edits] for each in counts]
    if len(rows) > 1:
        rows.append(["in all", *(sum(getattr(each, name) for each in counts) for name in ("up", "down", "edits"))])
    return [["end users in", "thumbs up", "thumbs down", "edits"], *([str(cell) for cell in row] for row in rows)]


def _why_unusable(reaction: Reaction) -> str | None:
    texts = (reaction.question, reaction.answer, reaction.edit, reaction.reason, reaction.user, reaction.item)
    if not all(_is_writable(text) for text in texts if text):
        return "texts_unreadable"
    if not reaction.question.strip():
        return "questions_blank"
    return None if reaction.answer.strip() else "answers_blank"


def _is_writable(text: str) -> bool:
    """Whether UTF-8 can hold it, which half a character it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _candidate(question: Question, reaction: Reaction) -> Candidate:
    """The answer as a candidate; how it was sampled is not known, so those figures are 0.

    Its id leaves the weights out: the same answer from two versions is the same answer to its users.
    """
    text = reaction.answer.strip()
    return Candidate(
        id=sha256_of({"question_id": question.id, "text": text, "arm": ARM}),
        question_id=question.id,
        text=text,
        arm=ARM,
        weights_sha256=reaction.weights_sha256 or UNKNOWN_WEIGHTS,
        temperature=0.0,
        seed=0,
        prompt_tokens=0,
        completion_tokens=0,
        latency_s=0.0,
    )


def _weights_known_first(candidate: Candidate) -> tuple[bool, str]:
    return candidate.weights_sha256 == UNKNOWN_WEIGHTS, candidate.weights_sha256


def _judgements(
    reaction: Reaction, candidate: Candidate, annotator: str | None, skipped: Counter[str]
) -> list[Feedback]:
    edit = reaction.edit
    if edit is not None and not edit.strip():
        skipped["edits_blank"] += 1
        edit = None
    elif edit is not None and comparable_text(edit) == comparable_text(reaction.answer):
        skipped["edits_repeating_the_answer"] += 1
        edit = None

    def judgement(kind: str, rating: Rating | None, correction: str | None) -> Feedback:
        request = kind if annotator is not None else f"{kind}/{reaction.item}"
        return Feedback(
            id=feedback_id(END_USER, annotator, candidate.question_id, candidate.id, candidate.id, request=request),
            question_id=candidate.question_id,
            candidate_a=candidate.id,
            candidate_b=candidate.id,
            preference="tie",
            rating=rating,
            source=END_USER,
            annotator=annotator,
            correction=correction,
            reason=reaction.reason if reaction.reason and reaction.reason.strip() else None,
            round=_ROUND,
            given_at=None if reaction.given_at is None else reaction.given_at.astimezone(UTC),
        )

    rows = [] if reaction.rating is None else [judgement("rating", reaction.rating, None)]
    return rows if edit is None else [*rows, judgement("edit", None, edit)]
