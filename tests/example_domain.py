"""A domain in files, as curation finds it, and small worlds in which everything collides."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from example_records import candidate, minute
from hypothesis import strategies as st

from tasks.config import Config
from tasks.curation.curate import curate
from tasks.feedback import log
from tasks.feedback.sources import feedback_id
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.files import sha256_of, write_rows
from tasks.home import Home
from tasks.records import Candidate, Feedback, Question, Snapshot


class World(NamedTuple):
    """All that a domain has gathered."""

    questions: list[Question]
    candidates: list[Candidate]
    feedback: list[Feedback]


texts = st.sampled_from(
    ["alpha", "beta", " alpha", "gamma  ray", "gamma ray", "", "δ", "ann@firm.com", "+49 30 901820"]
)


@st.composite
def worlds(draw: st.DrawFn, ratings: bool = False) -> World:
    """Few questions, texts and people, so that duplicates, contradictions and shared families are common."""
    questions = [
        Question(
            id=f"q{number}",
            question=draw(st.sampled_from([f"What is {number}?", f"Who is at q{number}@firm.com?"])),
            answer=draw(st.none() | texts),
            family=draw(st.sampled_from(["f", "g", "h"])),
            split=draw(st.sampled_from(["train", "train", "test"])),
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    candidates = [
        # Named by their number alone, so that feedback can be drawn without the texts.
        candidate(draw(texts), question.id).model_copy(update={"id": sha256_of([question.id, seed])})
        for question in questions
        for seed in range(3)
    ]
    kinds = judgements([question.id for question in questions])
    if ratings:
        kinds |= thumbs([question.id for question in questions])
    return World(questions, candidates, draw(st.lists(kinds, max_size=12)))


@st.composite
def judgements(draw: st.DrawFn, question_ids: list[str]) -> Feedback:
    question_id = draw(st.sampled_from(question_ids))
    a, b = (sha256_of([question_id, draw(st.integers(0, 2))]) for _ in range(2))
    source, annotator = draw(
        st.sampled_from([("human", "ann"), ("human", "bob"), ("oracle", "script"), ("judge:reference", None)])
    )
    request = draw(st.sampled_from([None, "dataset/record"])) if annotator else None
    return Feedback(
        id=feedback_id(source, annotator, question_id, a, b, request),
        question_id=question_id,
        candidate_a=a,
        candidate_b=b,
        preference=draw(st.sampled_from(["a", "b", "tie", "both_bad"])),
        source=source,
        annotator=annotator,
        confidence=draw(st.sampled_from([0.5, 0.75, 1.0])),
        correction=draw(st.none() | st.none() | texts),
        round=draw(st.integers(1, 3)),
        given_at=minute(draw(st.integers(0, 3))) if annotator else None,
        retracted=bool(annotator) and draw(st.integers(0, 4)) == 0,
    )


@st.composite
def thumbs(draw: st.DrawFn, question_ids: list[str]) -> Feedback:
    """What end users say of single answers, some with an edit."""
    question_id = draw(st.sampled_from([*question_ids, "gone"]))
    answer = sha256_of([question_id, draw(st.integers(0, 3))])
    annotator = draw(st.sampled_from(["u", "v", None]))
    return Feedback(
        id=feedback_id("end_user", annotator, question_id, answer, answer, draw(st.sampled_from(["1", "2"]))),
        question_id=question_id,
        candidate_a=answer,
        candidate_b=answer,
        preference="tie",
        rating=draw(st.sampled_from(["up", "down"])),
        source="end_user",
        annotator=annotator,
        correction=draw(st.none() | st.none() | texts),
        round=draw(st.integers(1, 2)),
        given_at=minute(draw(st.integers(0, 3))),
        retracted=draw(st.integers(0, 4)) == 0,
    )


def curate_records(
    home: Home,
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    feedback: Sequence[Feedback],
    config: Config,
    *,
    weights: Mapping[str, float] | None = None,
    withdrawn: Withdrawn = NOTHING,
) -> Snapshot:
    """The snapshot of domain `d` with exactly these records; the feedback is one more segment of its log."""
    segment = log.append(home, "d", feedback)
    asked = write_rows(home.objects, questions)
    sampled = write_rows(home.objects, candidates)
    return curate(
        home,
        "d",
        [asked],
        [sampled],
        config,
        segments=[segment.sha256],
        weigh=None if weights is None else lambda _: weights,
        withdrawn=withdrawn,
    )
