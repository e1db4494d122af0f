"""What curation kept from before changes nothing of what a snapshot says."""

import shutil
import tempfile
from pathlib import Path

import pytest
from example_curation import CONFIG, from_scratch, result
from example_domain import World, worlds
from example_records import question
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.curation.incremental import index
from tasks.curation.incremental.digests import log_sha256
from tasks.feedback import log
from tasks.feedback.withdrawals import NOTHING, Withdrawn
from tasks.home import Home
from tasks.records import Feedback
from tasks.settings.curation import CurateSettings

NARROW = CONFIG.model_copy(update={"curate": CONFIG.curate.model_copy(update={"pairs_per_question": 1})})

pytestmark = pytest.mark.usefixtures("small_files")


changes = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 5)),
    st.tuples(st.just("withdraw"), st.sampled_from(["ann", "bob", "u"])),
    st.tuples(st.just("withdraw"), st.integers(0, 11)),
    st.tuples(st.just("answer"), st.sampled_from([None, "alpha", "new"])),
    st.tuples(st.just("ask"), st.sampled_from(["What is 0?", "What is new?"])),
    st.tuples(st.just("forget"), st.integers(0, 3)),
    st.tuples(st.just("split"), st.sampled_from(["train", "test"])),
    st.tuples(st.just("sample"), st.integers(0, 8)),
    st.tuples(st.just("settings"), st.booleans()),
    st.tuples(st.just("damage"), st.integers(0, 20)),
    st.tuples(st.just("lose a snapshot"), st.integers(0, 9)),
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(worlds(ratings=True), st.lists(changes, min_size=1, max_size=6))
def test_whatever_happens_between_two_rounds_the_result_is_that_of_starting_anew(
    world: World, steps: list[tuple[str, object]]
) -> None:
    waiting, config, withdrawn = list(world.feedback), CONFIG, NOTHING
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        log.append(home, "d", [waiting.pop() for _ in range(len(waiting) // 2)])
        if leaky(world):
            return
        assert result(home, world) == from_scratch(home, world)
        for what, how in steps:
            if what == "say" and isinstance(how, int):
                log.append(home, "d", [waiting.pop() for _ in range(min(how, len(waiting)))])
            elif what == "settings":
                config = NARROW if how else CONFIG
            elif what == "withdraw":
                withdrawn = toggled(withdrawn, world.feedback, how)
            elif what == "damage" and isinstance(how, int):
                damage(home, how)
            elif what == "lose a snapshot":
                shutil.rmtree(home.snapshots, ignore_errors=True)
            else:
                world = changed(world, what, how)
            assert log_sha256(home, "d", left_out=withdrawn) == log_sha256(uncurated(home), "d", left_out=withdrawn)
            if not leaky(world):
                expected = from_scratch(home, world, config, withdrawn)
                assert result(home, world, config, withdrawn).items() <= expected.items()


def uncurated(home: Home) -> Home:
    """The same log in a home that has no index."""
    other = Home(home.root / "uncurated")
    if not other.root.exists():
        other.root.mkdir()
        (other.root / "feedback").symlink_to(home.root / "feedback")
    return other


def leaky(world: World) -> bool:
    """Whether a test question is asked in training, too, which curation refuses."""
    asked = {each.split: set[str]() for each in world.questions}
    for each in world.questions:
        asked[each.split].add(each.question)
    return bool(asked.get("train", set()) & asked.get("test", set()))


def toggled(withdrawn: Withdrawn, feedback: list[Feedback], whose: object) -> Withdrawn:
    if isinstance(whose, str):
        return withdrawn.model_copy(update={"annotators": tuple(sorted({*withdrawn.annotators} ^ {whose}))})
    if not isinstance(whose, int) or whose >= len(feedback):
        return withdrawn
    return withdrawn.model_copy(update={"feedback": tuple(sorted({*withdrawn.feedback} ^ {feedback[whose].id}))})


def changed(world: World, what: str, how: object) -> World:
    questions = list(world.questions)
    if what == "answer" and questions:
        questions[0] = questions[0].model_copy(update={"answer": how})
    elif what == "split" and questions:
        questions[-1] = questions[-1].model_copy(update={"split": how})
    elif what == "ask":
        questions.append(question(f"more {len(questions)}", "yes", text=str(how)))
    elif what == "forget" and isinstance(how, int):
        questions = questions[:how] + questions[how + 1 :]
    elif what == "sample" and isinstance(how, int):
        return world._replace(candidates=world.candidates[how:])
    return world._replace(questions=questions)


def damage(home: Home, number: int) -> None:
    """Cuts a byte off one of the files that were kept, or deletes it."""
    folder = index.index_folder(home, "d")
    kept = sorted([*folder.glob("*.json"), *folder.glob("*.parquet")])
    if kept:
        path = kept[number % len(kept)]
        path.unlink() if number % 2 else path.write_bytes(path.read_bytes()[:-1])


def test_of_questions_that_scrubbing_makes_the_same_one_stays_whichever_came_first(tmp_path: Path) -> None:
    home, config = Home(tmp_path), CONFIG.model_copy(update={"curate": CurateSettings(near_duplicates=None)})
    questions = [question(name, "yes", text=f"Who is {name}@example.org?") for name in ("one", "two")]
    result(home, World(questions[1:], [], []), config)
    both = World(questions, [], [])
    found = result(home, both, config)
    assert found == from_scratch(home, both, config)
    assert found["card"]["rows_out"] == {"demonstration": {"reference": 1}}  # type: ignore[index]
