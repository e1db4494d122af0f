"""What an adapter learned from, itself or by descent, and where a training may start."""

from collections.abc import Sequence

import example_models
import pytest
from example_models import BASE
from hypothesis import given
from hypothesis import strategies as st

from tasks.files import sha256_of
from tasks.lineage.behind import line_of
from tasks.lineage.starting import nearest_clean
from tasks.lineage.tracing import learn
from tasks.records import Adapter, BaseModelRef, ModelVersion


def adapter(name: str, parent: str | None = None, snapshot: str | None = None) -> Adapter:
    return example_models.adapter(
        sha256=sha256_of(name),
        snapshot_sha256=sha256_of(snapshot or f"snapshot of {name}"),
        parent_sha256=None if parent is None else sha256_of(parent),
    )


def version(number: int, of: Adapter | None, base: BaseModelRef = BASE) -> ModelVersion:
    return ModelVersion(name="d", version=number, base=base, adapter=of)


def names(*adapters: str) -> frozenset[str]:
    return frozenset(map(sha256_of, adapters))


# a -> b -> d, a -> c, and e from the base.
FAMILY = [adapter("a"), adapter("b", "a"), adapter("c", "a"), adapter("d", "b"), adapter("e")]


@pytest.mark.parametrize(
    ("cited", "direct", "inherited"),
    [
        ([], [], []),
        (["a"], ["a"], ["b", "c", "d"]),
        (["b"], ["b"], ["d"]),
        (["b", "d"], ["b", "d"], []),
        (["e"], ["e"], []),
        (["c", "e"], ["c", "e"], []),
        (["nobody's"], [], []),
    ],
)
def test_an_adapter_learns_from_its_snapshot_and_from_those_it_descends_from(
    cited: list[str], direct: list[str], inherited: list[str]
) -> None:
    found = learn(FAMILY, set(names(*(f"snapshot of {name}" for name in cited))), set())
    assert (found.direct, found.inherited, found.unknown) == (names(*direct), names(*inherited), names())


def test_what_descends_from_an_unreadable_snapshot_or_an_unknown_adapter_is_unknown() -> None:
    orphans = [adapter("f", "gone"), adapter("g", "f")]
    found = learn([*FAMILY, *orphans], set(), {sha256_of("snapshot of b")})
    assert found.unknown == names("b", "d", "f", "g")
    assert not found.direct | found.inherited


@given(st.permutations(FAMILY), st.sets(st.sampled_from("abcde")))
def test_the_order_in_which_adapters_are_known_changes_nothing(family: list[Adapter], cited: set[str]) -> None:
    snapshots = {sha256_of(f"snapshot of {name}") for name in cited}
    assert learn(family, snapshots, set()) == learn(FAMILY, snapshots, set())


A, B, C = (adapter(name) for name in "abc")
LINE = [version(4, A), version(3, B), version(2, C), version(1, None)]


@pytest.mark.parametrize(
    ("tainted", "expected"),
    [([], 4), (["b", "c"], 4), (["a"], 3), (["a", "b"], 2), (["a", "c"], 3), (["a", "b", "c"], 1)],
)
def test_a_training_starts_from_the_nearest_champion_that_saw_nothing_withdrawn(
    tainted: list[str], expected: int
) -> None:
    assert nearest_clean(LINE, names(*tainted)) == LINE[4 - expected]


@pytest.mark.parametrize("line", [LINE[:1], LINE[:3]])
def test_without_one_it_starts_from_the_base_model(line: Sequence[ModelVersion]) -> None:
    assert nearest_clean(line, names("a", "b", "c")) == version(1, None)


def test_an_earlier_champion_is_taken_on_the_base_as_this_machine_has_it() -> None:
    elsewhere = BASE.model_copy(update={"path": "/elsewhere/tiny"})
    other = BASE.model_copy(update={"sha256": "f" * 64})
    line = [version(4, A), version(3, B, other), version(2, C, elsewhere)]
    assert nearest_clean(line, names("a")) == version(2, C)


def test_the_line_of_a_version_goes_back_to_the_base() -> None:
    line, unknown = line_of(version(5, FAMILY[3]), FAMILY)
    assert ([each.sha256 for each in line], unknown) == ([sha256_of(name) for name in "dba"], [])
    assert line_of(version(1, None), FAMILY) == ([], [])


def test_where_the_line_breaks_off_is_said() -> None:
    line, unknown = line_of(version(5, FAMILY[3]), FAMILY[3:])
    assert [each.sha256 for each in line] == [sha256_of("d")]
    assert unknown == [
        f"The record of the adapter {sha256_of('b')[:12]}, from which it descends, is in no round or version."
    ]
