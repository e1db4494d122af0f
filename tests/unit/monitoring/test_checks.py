"""Thumbs, abstentions and latency: what has not changed is found as seldom as promised, a change is found and named."""

import numpy as np
import pytest
from example_answers import answered, rated
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tasks.monitoring.abstention import examine_abstention, with_abstentions
from tasks.monitoring.answers import ProductionAnswer
from tasks.monitoring.latency import examine_latency, measure_p95
from tasks.monitoring.shares import compare_shares
from tasks.monitoring.thumbs import count_thumbs, examine_thumbs
from tasks.records.monitoring import Verdict
from tasks.settings.monitoring import MonitorSettings

SETTINGS = MonitorSettings()
LEVEL = 0.001


def is_found(verdict: Verdict) -> bool:
    return verdict.notable and verdict.p_value is not None and verdict.p_value <= LEVEL


@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_a_difference_lies_in_its_interval_and_a_fall_is_no_rise(n: int, m: int, p: float, q: float) -> None:
    now, before = (round(n * p), n), (round(m * q), m)
    rise, fall = compare_shares(now, before), compare_shares(before, now)

    assert rise.ci95[0] - 1e-12 <= rise.difference <= rise.ci95[1] + 1e-12
    assert rise.difference == pytest.approx(-fall.difference)
    assert rise.p_value + fall.p_value >= 1 - 1e-6  # both count the table itself


def test_the_interval_of_a_difference_is_newcombes() -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    rise = compare_shares((56, 70), (48, 80))

    assert rise.ci95 == pytest.approx(confint_proportions_2indep(56, 70, 48, 80, method="newcomb"), abs=1e-6)


@pytest.mark.parametrize(("now", "before"), [((0, 0), (1, 2)), ((3, 2), (1, 2)), ((-1, 2), (1, 2))])
def test_counts_that_are_no_shares_are_refused(now: tuple[int, int], before: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="are no shares"):
        compare_shares(now, before)


def test_of_2000_pairs_of_months_alike_no_more_than_the_level_show_falling_thumbs() -> None:
    rng = np.random.default_rng(0)
    downs = rng.binomial([80, 300], 0.2, size=(2000, 2))
    found = sum(compare_shares((int(a), 80), (int(b), 300)).p_value <= 0.05 for a, b in downs)

    assert 0 < found <= binom.ppf(0.999, 2000, 0.05)


def test_falling_thumbs_are_found_and_said_with_their_interval() -> None:
    verdict = examine_thumbs(rated(60, 40), rated(270, 30), SETTINGS, LEVEL)

    assert is_found(verdict)
    assert verdict.sentence.startswith(
        "Thumbs up: 60.0 % of 100 now, 90.0 % of 300 before, -30.0 points (95 % interval -40.2 to -20.1); p below 1e-9."
    )
    assert verdict.now is not None and verdict.before is not None
    assert (verdict.now.value, verdict.before.value) == (pytest.approx(0.6), pytest.approx(0.9))
    assert verdict.now.ci95[0] < 0.6 < verdict.now.ci95[1]


def test_rising_thumbs_are_not_found() -> None:
    verdict = examine_thumbs(rated(270, 30), rated(60, 40), SETTINGS, LEVEL)

    assert not verdict.notable
    assert verdict.p_value is not None and verdict.p_value > 0.99


def test_one_version_that_fell_is_named_though_another_made_up_for_it() -> None:
    before = [*rated(80, 20, version="1"), *rated(20, 80, version="2")]
    now = [*rated(20, 80, version="1"), *rated(80, 20, version="2")]

    verdict = examine_thumbs(now, before, SETTINGS, LEVEL)

    assert is_found(verdict)
    assert verdict.sentence.startswith("Thumbs up of version 1: 20.0 % of 100 now, 80.0 % of 100 before")


def test_several_versions_cost_a_factor() -> None:
    now, before = rated(60, 40), rated(270, 30)
    split_now = [*rated(30, 20, version="1"), *rated(30, 20, version="2")]
    split_before = [*rated(135, 15, version="1"), *rated(135, 15, version="2")]

    alone = examine_thumbs(now, before, SETTINGS, LEVEL).p_value
    among = examine_thumbs(split_now, split_before, SETTINGS, LEVEL).p_value

    assert alone is not None and among == pytest.approx(3 * alone)


def test_the_only_version_is_compared_once() -> None:
    with_version = examine_thumbs(rated(60, 40, version="1"), rated(270, 30, version="1"), SETTINGS, LEVEL)

    assert with_version.p_value == examine_thumbs(rated(60, 40), rated(270, 30), SETTINGS, LEVEL).p_value
    assert "version" not in with_version.sentence


def test_too_few_thumbs_give_no_verdict_and_say_how_many_are_needed() -> None:
    verdict = examine_thumbs(rated(9, 10), [*rated(200, 10), *answered(500)], SETTINGS, LEVEL)

    assert (verdict.p_value, verdict.now, verdict.notable) == (None, None, False)
    assert verdict.sentence == (
        "Thumbs: 19 now and 210 before are too few for a verdict; 20 are needed in each period."
    )


def test_thumbs_are_counted_by_version_and_answers_without_one_are_not() -> None:
    answers = [*rated(3, 1, version="1"), *rated(2, 2), *answered(7, version="1")]

    assert count_thumbs(answers) == {None: (3, 8), "1": (1, 4)}


def test_rising_abstention_is_found_and_its_questions_are_those_that_were_not_answered() -> None:
    now = [*answered(30, abstained=True, question="How do I sign?"), *answered(70, abstained=False)]
    before = [*answered(10, abstained=True), *answered(290, abstained=False)]

    verdict = examine_abstention(now, before, SETTINGS, LEVEL)

    assert is_found(verdict)
    assert set(verdict.questions) == {"How do I sign?"}
    assert verdict.sentence.startswith("Abstentions: 30.0 % of 100 answers now, 3.3 % of 300 before, +26.7 points")


def test_a_small_rise_is_not_worth_telling_however_certain() -> None:
    now = [*answered(600, abstained=True), *answered(9400, abstained=False)]
    before = [*answered(300, abstained=True), *answered(9700, abstained=False)]

    verdict = examine_abstention(now, before, SETTINGS, LEVEL)

    assert verdict.p_value is not None and verdict.p_value < 1e-6
    assert not verdict.notable


def test_an_answer_abstains_by_its_trace_or_else_by_its_words() -> None:
    answers = [
        *answered(answer="I do not know."),
        *answered(answer="It is a list."),
        *answered(answer="It is a list.", abstained=True),
        *answered(answer="I do not know.", abstained=False),
        *answered(),
        *answered(answer="Ask the desk, please."),
    ]

    found = [each.abstained for each in with_abstentions(answers, "Ask the desk please!")]

    assert found == [True, False, True, False, None, True]


def slow(rng: np.random.Generator, count: int, scale: float = 1.0) -> list[ProductionAnswer]:
    return [answered(latency_s=float(each) * scale)[0] for each in rng.lognormal(0.0, 0.5, count)]


def test_a_slower_tail_is_found_though_the_median_fell() -> None:
    rng = np.random.default_rng(0)
    now = [*slow(rng, 160, 0.8), *slow(rng, 40, 6.0)]

    verdict = examine_latency(now, slow(rng, 600), SETTINGS, LEVEL)

    assert is_found(verdict)
    assert verdict.now is not None and verdict.before is not None
    assert verdict.now.value > 2 * verdict.before.value
    assert verdict.sentence.startswith("95th percentile of latency: ")
    assert not is_found(examine_latency(slow(rng, 600), now, SETTINGS, LEVEL))


def test_of_500_pairs_of_weeks_alike_no_more_than_the_level_show_rising_latency() -> None:
    rng = np.random.default_rng(0)
    verdicts = [examine_latency(slow(rng, 60), slow(rng, 100), SETTINGS, LEVEL) for _ in range(500)]

    assert sum((each.p_value or 0) <= 0.05 for each in verdicts) <= binom.ppf(0.999, 500, 0.05)


def test_the_interval_of_the_95th_percentile_covers_it_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    true = float(np.exp(0.5 * 1.6448536269514722))
    ends = [measure_p95(rng.lognormal(0.0, 0.5, 200).tolist()).ci95 for _ in range(1000)]

    assert np.mean([low <= true <= high for low, high in ends]) >= 0.94


@pytest.mark.parametrize(("examine", "what"), [(examine_abstention, "Abstention"), (examine_latency, "Latency")])
def test_too_few_answers_give_no_verdict_and_say_how_many_are_needed(examine: object, what: str) -> None:
    few = answered(49, abstained=False, latency_s=1.0)
    many = answered(60, abstained=False, latency_s=1.0)

    verdict = examine(few, many, SETTINGS, LEVEL)  # type: ignore[operator]

    assert verdict.p_value is None
    assert verdict.sentence == (
        f"{what}: 49 answers now and 60 before are too few for a verdict; 50 are needed in each period."
    )


def test_latencies_all_alike_are_no_rise() -> None:
    same = answered(60, latency_s=1.0)

    verdict = examine_latency(same, same, SETTINGS, LEVEL)

    assert (verdict.p_value, verdict.notable) == (1.0, False)
