"""One hostile labeller does not steer the model: what is trained on is as right as it would be without them."""

import random
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from example_domain import curate_records
from example_frames import events_frame
from example_records import candidate, judgement, question

from tasks.config import Config
from tasks.curation.annotators import annotator_agreement, drop_annotators, hostile_annotators
from tasks.curation.resolution import resolve_judgements
from tasks.home import Home
from tasks.records import Feedback, Snapshot
from tasks.settings.curation import AnnotatorSettings, CurateSettings
from tasks.snapshots import read_demonstrations, read_preference_pairs

GOOD, POOR, BAD = "a good answer", "a poor answer", "a lie, written by someone who means harm"
LIMITS = AnnotatorSettings(min_rows=0)
QUESTIONS = [f"q{n}" for n in range(120)]


def answers(
    name: str, questions: Iterable[str], wrong: float, seed: int, correction: str | None = None
) -> list[Feedback]:
    """What a person says of the two candidates of these questions, wrong in this share of them."""
    drawn = random.Random(f"{seed} {name}")
    return [
        judgement(GOOD, POOR, "b" if drawn.random() < wrong else "a", annotator=name, name=each, correction=correction)
        for each in questions
    ]


def honest_people(count: int, seed: int) -> list[Feedback]:
    """Each question answered by two of them, who are wrong in one of ten."""
    drawn = random.Random(seed)
    asked: dict[str, list[str]] = {f"honest{n}": [] for n in range(count)}
    for each in QUESTIONS:
        for name in drawn.sample(sorted(asked), 2):
            asked[name].append(each)
    return [row for name, questions in asked.items() for row in answers(name, questions, 0.1, seed)]


def hostile_person(questions: Iterable[str] = QUESTIONS) -> list[Feedback]:
    """All turned round, and a lie as the better answer to each."""
    return answers("hostile", questions, 1.0, 0, correction=BAD)


def find_hostile(feedback: list[Feedback]) -> pl.DataFrame:
    return hostile_annotators(
        annotator_agreement(events_frame(feedback)),
        min_comparisons=LIMITS.min_comparisons,
        min_agreement=LIMITS.min_agreement,
    )


def wrong_share(feedback: list[Feedback], *, screened: bool = True) -> float:
    """The share of the pairs' voices that point the wrong way, after the hostile are left out."""
    events = events_frame(feedback)
    if screened:
        events = drop_annotators(events, find_hostile(feedback)).kept
    heard = resolve_judgements(events).judgements.filter(pl.col("preference").is_in(["a", "b"]))
    return heard["preference"].eq("b").sum() / len(heard)


@pytest.mark.parametrize("people", [3, 5])
def test_the_hostile_one_is_found_and_no_other_whatever_the_luck(people: int) -> None:
    for seed in range(40):
        found = find_hostile([*honest_people(people, seed), *hostile_person()])
        assert found["annotator"].to_list() == ["hostile"]
        assert find_hostile(honest_people(people, seed)).is_empty()


@pytest.mark.parametrize("people", [3, 5])
def test_the_pairs_point_as_they_would_without_the_hostile_one(people: int) -> None:
    honest = honest_people(people, seed=1)
    both = [*honest, *hostile_person()]
    assert wrong_share(both) == wrong_share(honest) <= 0.05
    assert wrong_share(both, screened=False) > 3 * wrong_share(honest)


def snapshot_of(home: Path, feedback: list[Feedback], questions: Iterable[str] = QUESTIONS) -> Snapshot:
    """The snapshot of the domain, through everything that curation does by default."""
    names = list(questions)
    config = Config.model_validate({"name": "d", "questions": "q.jsonl", "root": Path("/")})
    return curate_records(
        Home(home),
        [question(name, answer=None) for name in names],
        [candidate(text, name) for name in names for text in (GOOD, POOR)],
        feedback,
        config.model_copy(update={"curate": CurateSettings(near_duplicates=None, annotators=LIMITS)}),
    )


@pytest.mark.parametrize("people", [3, 5])
def test_the_snapshot_has_the_rows_that_it_has_without_the_hostile_one(tmp_path: Path, people: int) -> None:
    honest = honest_people(people, seed=2)
    without = snapshot_of(tmp_path / "without", honest)
    both = snapshot_of(tmp_path / "both", [*honest, *hostile_person()])
    assert both.preference_pairs == without.preference_pairs
    assert both.demonstrations == without.demonstrations
    assert both.dropped["judgements_by_hostile_annotators"] == len(QUESTIONS)
    assert not any(row.completion == BAD for row in read_demonstrations(tmp_path / "both" / "snapshots", both))


def test_who_answers_alone_cannot_be_judged_but_has_no_more_than_the_share(tmp_path: Path) -> None:
    alone = [f"alone{n}" for n in range(400)]
    people = [*honest_people(3, seed=3), *hostile_person([*alone, *QUESTIONS[:5]])]
    assert find_hostile(people).is_empty()
    snapshot = snapshot_of(tmp_path, people, [*QUESTIONS, *alone])
    pairs = read_preference_pairs(tmp_path / "snapshots", snapshot)
    hostile = [pair for pair in pairs if pair.chosen in (POOR, BAD) and pair.question_id in alone]
    assert 0 < len(hostile) <= LIMITS.max_share * len(pairs)
    lies = read_demonstrations(tmp_path / "snapshots", snapshot)
    assert 0 < len(lies) <= len(pairs) - len(hostile)
