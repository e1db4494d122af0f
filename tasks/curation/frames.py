"""The columns of the data that curation works on.

EVENTS     one row a judgement
QUESTIONS  one row a question of the domain
CANDIDATES one row a sampled answer
ROWS       one row of training data, whatever its kind, before it is named by its content

Why Polars: the rules of curation are functions from frame to frame, with columns that a test can name, no SQL in
strings, and Arrow memory in the process.
"""

import polars as pl

EVENTS = pl.Schema(
    {
        "id": pl.String(),
        "question_id": pl.String(),
        "candidate_a": pl.String(),
        "candidate_b": pl.String(),
        "preference": pl.String(),  # a, b, tie or both_bad
        "rating": pl.String(),  # up, down, or null
        "source": pl.String(),
        "annotator": pl.String(),
        "confidence": pl.Float64(),
        "correction": pl.String(),
        "round": pl.Int64(),
        "audit": pl.Boolean(),
        "swap_inconsistent": pl.Boolean(),
        "given_at": pl.Datetime("us", "UTC"),
        "retracted": pl.Boolean(),
    }
)

QUESTIONS = pl.Schema(
    {
        "id": pl.String(),
        "question": pl.String(),
        "answer": pl.String(),
        "family": pl.String(),
        "split": pl.String(),  # train or test
    }
)

CANDIDATES = pl.Schema({"id": pl.String(), "question_id": pl.String(), "text": pl.String()})

ROWS = pl.Schema(
    {
        "key": pl.String(),  # unique in the frame; follows from the row's content, never from its place
        "kind": pl.String(),  # demonstration, pair or rated
        "question_id": pl.String(),
        "family": pl.String(),
        "question": pl.String(),  # the user's text
        "completion": pl.String(),  # the demonstration's, the chosen or the rated answer
        "rejected": pl.String(),  # null unless a pair
        "desirable": pl.Boolean(),  # null unless rated
        "source": pl.String(),  # reference, reference:<candidate>, correction:<feedback>, <feedback source>:<feedback>
        "origin": pl.String(),  # the feedback source that gave it, or reference
        "annotator": pl.String(),  # opaque id, or null
        "confidence": pl.Float64(),  # 0 to 1
        "votes_for": pl.Float64(),  # weighted voices on the pair for chosen; null where nobody voted
        "votes_against": pl.Float64(),  # weighted voices on the pair against chosen; null where nobody voted
        "feedback": pl.List(pl.String()),  # sorted ids of the judgements behind it
    }
)
