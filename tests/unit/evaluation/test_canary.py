"""Thumbs pair as they come and stay paired; what is worse to users passes no more often than the level says."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.evaluation.canary import Pair, Thumb, compare_thumbs, pair_thumbs, prove_not_worse
from tasks.evaluation.superiority import non_inferiority_p_value
from tasks.records import CanaryComparison

BEGINNING = datetime(2026, 11, 1, tzinfo=UTC)
CHAMPION, CHALLENGER = 1, 2


def thumb(place: int, version: int, up: bool = True, question: str | None = None, user: str | None = None) -> Thumb:
    """The thumb that was given in this second, on a question of its own unless one is named."""
    return Thumb(
        answer=f"tr-{place:06d}",
        version=version,
        question=question or f"q{place}",
        user=user,
        up=up,
        given_at=BEGINNING + timedelta(seconds=place),
    )


def thumbs(version: int, up: int, down: int, first: int = 0) -> list[Thumb]:
    return [thumb(first + place, version, place < up) for place in range(up + down)]


def places(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """The seconds of each pair's thumbs, the challenger's first."""
    return [(int(pair.challenger.answer[3:]), int(pair.champion.answer[3:])) for pair in pairs]


def pair(*given_thumbs: Thumb) -> list[tuple[int, int]]:
    return places(pair_thumbs(given_thumbs, CHAMPION, CHALLENGER))


def compare(given_thumbs: Sequence[Thumb]) -> CanaryComparison:
    return compare_thumbs(given_thumbs, CHAMPION, CHALLENGER, resamples=1000, seed=0)


STREAMS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 2, 3]), st.booleans(), st.sampled_from("abc"), st.sampled_from(["ann", "bob", None])
    ),
    max_size=40,
).map(lambda rows: [thumb(place, *row) for place, row in enumerate(rows)])


@given(STREAMS, st.integers(0, 40))
def test_later_thumbs_add_pairs_and_change_none(stream: list[Thumb], seen: int) -> None:
    before = pair_thumbs(stream[:seen], CHAMPION, CHALLENGER)
    assert pair_thumbs(stream, CHAMPION, CHALLENGER)[: len(before)] == before


@given(STREAMS, st.randoms(use_true_random=False))
def test_a_thumb_is_in_one_pair_at_most_whatever_the_order_they_are_read_in(
    stream: list[Thumb], order: random.Random
) -> None:
    pairs = pair_thumbs(stream, CHAMPION, CHALLENGER)
    used = [each.answer for one in pairs for each in (one.challenger, one.champion)]
    assert len(used) == len(set(used))
    assert {one.challenger.version for one in pairs} <= {CHALLENGER}
    assert {one.champion.version for one in pairs} <= {CHAMPION}
    shuffled = order.sample(stream, len(stream))
    assert pair_thumbs(shuffled, CHAMPION, CHALLENGER) == pairs


@given(STREAMS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_who_pairs_with_whom_does_not_depend_on_what_the_thumbs_say(stream: list[Thumb], ups: list[bool]) -> None:
    other = [replace(each, up=up) for each, up in zip(stream, ups, strict=False)]
    assert pair(*other) == pair(*stream)


@given(STREAMS)
def test_a_known_user_is_in_one_pair_at_most_over_a_question(stream: list[Thumb]) -> None:
    pairs = pair_thumbs(stream, CHAMPION, CHALLENGER)
    told = [(each.user, each.question) for one in pairs for each in {one.challenger, one.champion} if each.user]
    assert len(told) == len(set(told))


def test_a_thumb_pairs_with_the_latest_that_has_no_partner() -> None:
    assert pair(*(thumb(place, 1) for place in range(3)), thumb(3, 2), thumb(4, 2)) == [(3, 2), (4, 1)]
    assert pair(thumb(0, 2), thumb(1, 2), thumb(2, 1), thumb(3, 3), thumb(4, 1)) == [(1, 2), (0, 4)]
    assert pair(thumb(0, 1), thumb(1, 1)) == []


def test_the_first_thumb_of_a_user_on_a_question_counts() -> None:
    again = thumb(1, 2, False, "q", "ann")
    assert pair(thumb(0, 2, True, "q", "ann"), again, thumb(2, 1), thumb(3, 1)) == [(0, 2)]
    assert pair(thumb(0, 2, True, "q", "ann"), thumb(1, 2, True, "q", "bob"), thumb(2, 1), thumb(3, 1)) == [
        (1, 2),
        (0, 3),
    ]
    assert len(pair(*(thumb(place, 1 + place % 2, True, "q") for place in range(6)))) == 3  # nobody knows who they are


def test_without_thumbs_there_is_nothing_to_compare_and_nothing_proven() -> None:
    compared = compare([])
    assert (compared.champion.rate, compared.difference, compared.paired, compared.pairs) == (None, None, None, 0)
    assert compare(thumbs(1, 3, 1)).difference is None
    found = prove_not_worse(compared, needed=1, margin=0.1, level=0.05)
    assert (found.p_value, found.held) == (1.0, False)


def test_the_interval_of_the_difference_is_newcombes() -> None:
    # Newcombe 1998, table II: 56/70 - 48/80 = 0.2, method 10: 0.0524 to 0.3339.
    compared = compare([*thumbs(2, 56, 14), *thumbs(1, 48, 32, first=100)])
    assert compared.difference is not None
    assert compared.difference.mean == pytest.approx(0.2)
    assert compared.difference.ci95 == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_other_versions_are_passed_over() -> None:
    assert compare([*thumbs(1, 2, 1), *thumbs(3, 9, 0, first=50)]) == compare(thumbs(1, 2, 1))


def test_pairs_are_counted_with_their_outcome() -> None:
    outcomes = [(True, True), (True, False), (False, True), (True, False)]
    stream = [
        thumb(2 * place + version, version, ups[version - 1], "same" if place == 0 else None)
        for place, ups in enumerate(outcomes)
        for version in (1, 2)
    ]
    compared = compare(stream)
    assert (compared.pairs, compared.same_question) == (4, 1)
    assert compared.paired is not None
    assert (compared.paired.wins, compared.paired.ties, compared.paired.losses) == (1, 1, 2)
    assert compared.paired.difference == -0.25


def test_the_p_value_is_that_of_the_bet_on_the_pairs() -> None:
    draw = random.Random(3)
    stream = [thumb(place, 1 + place % 2, draw.random() < 0.8) for place in range(120)]
    found = prove_not_worse(compare(stream), needed=60, margin=0.2, level=0.05)
    differences = [float(one.challenger.up) - float(one.champion.up) for one in pair_thumbs(stream, 1, 2)]
    assert found.p_value == pytest.approx(non_inferiority_p_value(differences, 0.2))
    assert (found.pairs, found.enough) == (60, True)
    assert not prove_not_worse(compare(stream), needed=61, margin=0.2, level=1.0).held


@pytest.mark.parametrize(("up", "held"), [(60, True), (45, False), (0, False)])
def test_it_holds_with_enough_pairs_and_a_small_p_value(up: int, held: bool) -> None:
    stream = [thumb(place, 1 + place % 2, place % 2 == 0 or place < 2 * up) for place in range(120)]
    assert prove_not_worse(compare(stream), needed=60, margin=0.1, level=0.05).held is held


# What follows is simulated: sequences of thumbs, looked at after every pair from the needed count on.

SEQUENCES, NEEDED, PAIRS, MARGIN, LEVEL = 2_000, 20, 200, 0.1, 0.05
# Half of the requests are for five questions, the others for five hundred.
POPULARITY = np.r_[np.full(5, 0.1), np.full(500, 0.001)]
HARD_IF_POPULAR = np.r_[np.full(5, 0.45), np.full(500, 0.9)]
WORSE_IF_RARE = np.r_[np.full(5, 0.1), np.full(500, -0.3)]  # -0.1 over all requests

ANSWERS = [f"tr-{place:06d}" for place in range(3000)]

Floats = NDArray[np.float64]
Pairing = Callable[[NDArray[np.int64], NDArray[np.bool_]], list[tuple[int, int]]]


def as_built(questions: NDArray[np.int64], is_challenger: NDArray[np.bool_]) -> list[tuple[int, int]]:
    versions = np.where(is_challenger, CHALLENGER, CHAMPION).tolist()
    stream = [
        Thumb(answer, version, str(question), None, True, BEGINNING)
        for answer, version, question in zip(ANSWERS, versions, questions.tolist(), strict=False)
    ]
    return places(pair_thumbs(stream, CHAMPION, CHALLENGER))


def same_question_first(questions: NDArray[np.int64], is_challenger: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The rule that is not used: a partner on the same question where there is one, else the latest."""
    waiting: dict[bool, list[int]] = {True: [], False: []}
    pairs = []
    for place, mine in enumerate(is_challenger.tolist()):
        partners = waiting[not mine]
        alike = [each for each in partners if questions[each] == questions[place]]
        if not partners:
            waiting[mine].append(place)
            continue
        partner = (alike or partners)[-1]
        partners.remove(partner)
        pairs.append((place, partner) if mine else (partner, place))
    return pairs


def ever_passes(
    pairing: Pairing, share: float, champion: Floats, challenger: Floats, *, sequences: int, seed: int
) -> float:
    """The share of sequences in which some look finds the challenger not worse.

    Args:
        share: of the requests that the challenger answers.
        champion, challenger: chance of a thumb up, by question.
    """
    rng = np.random.default_rng(seed)
    length = int(1.15 * PAIRS / min(share, 1 - share))
    passed = 0
    for _ in range(sequences):
        questions = rng.choice(len(POPULARITY), size=length, p=POPULARITY)
        is_challenger = rng.random(length) < share
        ups = (rng.random(length) < np.where(is_challenger, challenger[questions], champion[questions])).astype(float)
        found = [ups[mine] - ups[other] for mine, other in pairing(questions, is_challenger)[:PAIRS]]
        passed += bool((running_p_values(np.array(found))[NEEDED - 1 :] <= LEVEL).any())
    return passed / sequences


def running_p_values(differences: Floats) -> Floats:
    """The p-value after each pair, all at once."""
    shares = (np.arange(64) + 0.5) / 64 / (1.0 - MARGIN)
    capital = np.exp(np.cumsum(np.log1p(np.outer(shares, differences + MARGIN)), axis=1)).mean(axis=0)
    p_values: Floats = np.minimum(1.0 / capital, 1.0)
    return p_values


def test_the_running_p_value_is_what_the_gate_would_see_after_each_pair() -> None:
    found = np.random.default_rng(0).integers(-1, 2, 50).astype(float)
    one_by_one = [non_inferiority_p_value(found[: number + 1].tolist(), MARGIN) for number in range(len(found))]
    assert running_p_values(found) == pytest.approx(one_by_one)


def test_a_challenger_that_is_worse_by_the_margin_passes_in_one_of_twenty_sequences_at_most() -> None:
    """Measured: 2.2 of 100."""
    champion = np.full(505, 0.8)
    passed = ever_passes(as_built, 0.5, champion, champion - MARGIN, sequences=SEQUENCES, seed=40)
    assert 0.0 < passed <= LEVEL


@pytest.mark.parametrize(
    ("champion", "loss"), [(HARD_IF_POPULAR, np.full(505, -MARGIN)), (np.full(505, 0.65), WORSE_IF_RARE)]
)
def test_nor_does_one_with_a_tenth_of_the_requests_whose_questions_are_not_equally_hard(
    champion: Floats, loss: Floats
) -> None:
    passed = ever_passes(as_built, 0.1, champion, champion + loss, sequences=300, seed=41)
    assert passed <= LEVEL


def test_a_partner_on_the_same_question_would_let_more_through_than_the_level() -> None:
    """Which is why a thumb pairs with the latest, whatever its question."""
    worse = HARD_IF_POPULAR - MARGIN
    assert ever_passes(same_question_first, 0.1, HARD_IF_POPULAR, worse, sequences=60, seed=42) > 2 * LEVEL


@pytest.mark.parametrize(("rate", "least"), [(0.95, 0.9), (0.9, 0.7), (0.8, 0.45)])
def test_an_equal_challenger_passes_within_two_hundred_pairs_the_oftener_the_more_it_is_liked(
    rate: float, least: float
) -> None:
    """Measured: 95, 72 and 46 of 100, by the share of thumbs up that both get."""
    equal = np.full(505, rate)
    assert ever_passes(as_built, 0.5, equal, equal, sequences=400, seed=43) >= least
