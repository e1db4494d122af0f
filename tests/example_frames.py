"""Frames that curation works on, made of records."""

from collections.abc import Iterable

import polars as pl

from tasks.curation.frames import CANDIDATES, EVENTS, QUESTIONS
from tasks.records import Candidate, Feedback, Question


def events_frame(feedback: Iterable[Feedback]) -> pl.DataFrame:
    """EVENTS of these judgements, in their order."""
    return pl.DataFrame([row.model_dump(include=set(EVENTS.names())) for row in feedback], schema=EVENTS)


def questions_frame(questions: Iterable[Question]) -> pl.DataFrame:
    """QUESTIONS of these questions, in their order."""
    return pl.DataFrame([row.model_dump(include=set(QUESTIONS.names())) for row in questions], schema=QUESTIONS)


def candidates_frame(candidates: Iterable[Candidate]) -> pl.DataFrame:
    """CANDIDATES of these candidates, in their order."""
    return pl.DataFrame([row.model_dump(include=set(CANDIDATES.names())) for row in candidates], schema=CANDIDATES)
