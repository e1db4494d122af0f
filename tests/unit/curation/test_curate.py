"""The curate stage: the same events, in any order and any batches, give the same leak-free snapshot."""

import hashlib
import random
import tempfile
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from example_domain import World, curate_records, worlds
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import Config
from tasks.curation import pipeline as pipeline_module
from tasks.curation.curate import curate
from tasks.curation.demonstrations import propose_demonstrations
from tasks.curation.proposals import Proposed
from tasks.curation.resolution import resolve_judgements
from tasks.curation.tallies import total
from tasks.errors import DomainError, IntegrityError
from tasks.feedback import log
from tasks.feedback.event_frames import to_records, whole_frame
from tasks.feedback.pairing import comparable_text
from tasks.files import write_rows
from tasks.home import Home
from tasks.records import Feedback, Question, Snapshot
from tasks.snapshots import read_demonstrations, read_preference_pairs, read_snapshot

CONFIG = Config.model_validate(
    {
        "name": "d",
        "questions": "q.jsonl",
        "root": Path("/"),
        "curate": {"pairs_per_question": 2, "annotators": {"max_share": 1.0}},
    }
)
SWAPPED = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}


def swapped(row: Feedback) -> Feedback:
    """The same judgement, with the candidates shown the other way round."""
    return row.model_copy(
        update={
            "candidate_a": row.candidate_b,
            "candidate_b": row.candidate_a,
            "preference": SWAPPED[row.preference],
        }
    )


def curated(world: World, home: Home) -> Snapshot | None:
    """The snapshot, or None when there is nothing to train on."""
    try:
        return curate_records(home, *world, CONFIG)
    except DomainError:
        return None


def name_of(world: World) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        snapshot = curated(world, Home(Path(folder)))
    return snapshot and snapshot.sha256


@settings(max_examples=60)
@given(worlds(), st.randoms(use_true_random=False), st.data())
def test_the_same_events_in_any_order_and_any_batches_give_the_same_snapshot(
    world: World, shuffler: random.Random, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(world.feedback)), max_size=3)))
    events = shuffler.sample(world.feedback, len(world.feedback))
    questions, candidates = (shuffler.sample(rows, len(rows)) for rows in (world.questions, world.candidates))
    half = len(candidates) // 2
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
            log.append(home, "d", events[start:end])
        if data.draw(st.booleans()):
            log.append(home, "d", events)
        files = [write_rows(home.objects, part) for part in (candidates[:half], candidates[half:], candidates[:1])]
        try:
            again = curate(home, "d", [write_rows(home.objects, questions)], files, CONFIG).sha256
        except DomainError:
            again = None
    assert again == name_of(world)


@settings(max_examples=40)
@given(worlds())
def test_the_side_a_candidate_was_shown_on_does_not_change_the_snapshot(world: World) -> None:
    rows = log.one_per_id(world.feedback)
    turned = [swapped(row) for row in rows]
    assert name_of(world._replace(feedback=turned)) == name_of(world._replace(feedback=rows))


@settings(max_examples=60)
@given(worlds())
def test_every_row_of_a_snapshot_may_be_trained_on(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        snapshot = curated(world, home)
        if snapshot is None:
            return
        demonstrations = read_demonstrations(home.snapshots, snapshot)
        pairs = read_preference_pairs(home.snapshots, snapshot)
    train = {question.id: question.family for question in world.questions if question.split == "train"}
    assert all(train.get(row.question_id) == row.family for row in [*demonstrations, *pairs])
    assert all(comparable_text(pair.chosen) != comparable_text(pair.rejected) for pair in pairs)
    assert all(text.strip() for pair in pairs for text in (pair.chosen, pair.rejected))
    claims = {(pair.prompt, comparable_text(pair.chosen), comparable_text(pair.rejected)) for pair in pairs}
    assert len(claims) == len(pairs)
    assert not {(prompt, worse, better) for prompt, better, worse in claims} & claims
    assert all(row.completion.strip() for row in demonstrations)
    assert len({row.id for row in demonstrations}) == len(demonstrations)
    sampled = Counter(pair.question_id for pair in pairs if not pair.source.startswith("reference:"))
    assert max(sampled.values(), default=0) <= 2


@settings(max_examples=60)
@given(worlds())
def test_every_judgement_is_kept_or_counted_as_dropped(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        snapshot = curated(world, Home(Path(folder)))
    if snapshot is None:
        return
    last_words = log.one_per_id(world.feedback)
    resolved = resolve_judgements(whole_frame(row for row in last_words if not row.retracted))
    rows, outranked = to_records(resolved.judgements), total(resolved.dropped)
    train = {question.id: question for question in world.questions if question.split == "train"}
    used = [row for row in rows if row.question_id in train]
    # A judgement gives a pair or is counted; one with a correction gives pairs of its own, and need say no more.
    proposed = (
        sum(row.question_id not in train or row.correction is None or row.preference in "ab" for row in rows)
        + sum(len(texts_of(world, row)) for row in used if row.correction is not None)
        + len({row.question_id for row in used if train[row.question_id].answer is not None})
    )
    counts = {reason: n for reason, n in snapshot.dropped.items() if reason != "pairs_people_undecided"}
    dropped = sum(n for reason, n in counts.items() if reason.startswith(("pairs_", "judgements_")))
    left_out = sum(n for reason, n in outranked.items() if reason.startswith("judgements_"))
    assert len(rows) + left_out + counts["judgements_retracted"] == len(last_words)
    assert snapshot.preference_pairs.rows + dropped == proposed + len(world.feedback) - len(rows)


def texts_of(world: World, row: Feedback) -> set[str]:
    return {each.text for each in world.candidates if each.id in (row.candidate_a, row.candidate_b)}


def one_question(answer: str | None = "yes", split: str = "train") -> Question:
    return Question.model_validate({"id": "q", "question": "What?", "answer": answer, "family": "f", "split": split})


def test_the_snapshot_can_be_read_back_with_its_parents_and_what_was_dropped(tmp_path: Path) -> None:
    home = Home(tmp_path)
    questions = [one_question(), one_question(" ").model_copy(update={"id": "q2"})]
    snapshot = curate_records(home, questions, [], [], CONFIG)
    assert read_snapshot(home.snapshots, snapshot.sha256) == snapshot
    assert (snapshot.demonstrations.rows, snapshot.preference_pairs.rows) == (1, 0)
    assert snapshot.parents == tuple(sorted([write_rows(home.objects, questions).sha256, *log.segments(home, "d")]))
    assert snapshot.dropped["references_blank"] == 1


def test_the_hash_follows_from_the_rows_alone(tmp_path: Path) -> None:
    # Spelled out by hand, so that no release or machine can come to another name for the same rows unnoticed.
    prompt = '[{"content":"Be brief.","role":"system"},{"content":"What?","role":"user"}]'
    row_id = hashlib.sha256(f'{{"completion":"naïve","prompt":{prompt}}}'.encode()).hexdigest()
    row = (
        f'{{"completion":"naïve","family":"f","feedback":[],"id":"{row_id}","prompt":{prompt},'
        '"question_id":"q","source":"reference"}\n'
    )
    rows, none = hashlib.sha256(row.encode()).hexdigest(), hashlib.sha256(b"").hexdigest()
    name = (
        f'{{"demonstrations":{{"rows":1,"sha256":"{rows}"}},'
        f'"preference_pairs":{{"rows":0,"sha256":"{none}"}},'
        f'"rated_answers":{{"rows":0,"sha256":"{none}"}},"schema":2}}'
    )
    config = CONFIG.model_copy(update={"system_prompt": "Be brief."})
    snapshot = curate_records(Home(tmp_path), [one_question("naïve")], [], [], config)
    assert snapshot.sha256 == hashlib.sha256(name.encode()).hexdigest()


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ([], "no answers, no feedback"),
        ([one_question(None)], "no answers, no feedback"),
        ([one_question(split="test")], "no answers, no feedback"),
        ([one_question(" ")], "left out references blank: 1"),
    ],
)
def test_nothing_to_train_on_is_an_error_with_a_remedy_and_leaves_no_snapshot(
    tmp_path: Path, questions: list[Question], why: str
) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(DomainError) as caught:
        curate_records(home, questions, [], [], CONFIG)
    assert str(caught.value) == (
        f"Domain d has nothing to train on ({why}): "
        "give train questions an `answer`, or collect feedback on them first."
    )
    assert not home.snapshots.exists()


def test_a_leak_through_a_faulty_builder_fails_the_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(questions: pl.DataFrame, judgements: pl.DataFrame) -> Proposed:
        return propose_demonstrations(questions.with_columns(split=pl.lit("train")), judgements)

    monkeypatch.setattr(pipeline_module, "propose_demonstrations", careless)
    monkeypatch.setattr(pipeline_module, "_decontamination", lambda *_: None)
    home = Home(tmp_path / "home")
    with pytest.raises(IntegrityError, match=r"rows of test families \(1 in all; f: 1\)"):
        curate_records(home, [one_question(split="test")], [], [], CONFIG)
    assert not home.snapshots.exists()


def test_a_train_question_that_repeats_a_test_question_fails_the_round_if_no_filter_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "_decontamination", lambda *_: None)
    twin = one_question(split="test").model_copy(update={"id": "twin", "family": "other", "question": " What? "})
    with pytest.raises(IntegrityError, match=r"test questions as prompts, word for word \(1 in all; What\?: 1\)"):
        curate_records(Home(tmp_path), [one_question(), twin], [], [], CONFIG)


def test_a_train_question_that_repeats_a_test_question_is_left_out_and_counted(tmp_path: Path) -> None:
    twin = one_question(split="test").model_copy(update={"id": "twin", "family": "other", "question": " What? "})
    more = one_question().model_copy(update={"id": "more", "question": "And what else?"})
    snapshot = curate_records(Home(tmp_path), [one_question(), twin, more], [], [], CONFIG)
    assert snapshot.demonstrations.rows == 1
    assert snapshot.dropped["rows_with_test_question"] == 1
