"""Each arm against the first: what is compared, who judges in which order, and whose word is shown."""

from pathlib import Path

import pytest
from example_records import question

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.win_rates import (
    REFERENCE,
    measure_win_rates,
    oppose_arms,
    to_judge,
    win_rate_metric,
)
from tasks.feedback import log
from tasks.feedback.sources import feedback_id
from tasks.home import Home
from tasks.models.generation import Generation
from tasks.records import (
    ArmWinRates,
    BaseModelRef,
    Comparison,
    Domain,
    Feedback,
    FileRef,
    JudgedWinRate,
    Preference,
    Question,
)

NAMES = [f"q{number}" for number in range(12)]
NOTHING = FileRef(sha256="0" * 64, rows=0)


@pytest.fixture
def config() -> Config:
    return Config.model_validate({"name": "tiny", "questions": "q", "root": "/"})


def benchmark(arms: tuple[str, ...]) -> Benchmark:
    domain = Domain(
        name="tiny", questions=NOTHING, documents=NOTHING, train_questions=0, test_questions=12, shared_families=0
    )
    base = BaseModelRef(id="tiny", path="/", sha256="b" * 64)
    return Benchmark(key="1" * 64, domain=domain, arms=arms, base=base, version=None, is_champion=False)


def said(*texts: str, weights: str = "b") -> ArmAnswers:
    return ArmAnswers(
        weights_sha256=weights * 64,
        version=None,
        generations=tuple(Generation(text=text, prompt_tokens=1, completion_tokens=1, latency_s=0.1) for text in texts),
    )


def asked() -> list[Question]:
    return [question(name, split="test") for name in NAMES]


def opposed(config: Config) -> dict[str, list[Comparison]]:
    answers = {
        "base": said(*["no"] * 12),
        "rag": said(*["no"] * 4, *["yes"] * 8),
        "ft": said(*["yes"] * 12, weights="f"),
    }
    return oppose_arms(config, benchmark(tuple(answers)), asked(), answers)


def verdict(of: Comparison, preference: Preference, source: str = REFERENCE) -> Feedback:
    return Feedback(
        id=feedback_id(source, None, of.question.id, of.a.id, of.b.id),
        question_id=of.question.id,
        candidate_a=of.a.id,
        candidate_b=of.b.id,
        preference=preference,
        source=source,
        round=3,
    )


def test_each_arm_is_compared_with_the_first_where_they_differ(config: Config) -> None:
    found = opposed(config)

    assert {arm: len(comparisons) for arm, comparisons in found.items()} == {"rag": 8, "ft": 12}
    assert all(each.a.text == "no" and each.b.text == "yes" for each in found["rag"])
    assert {each.a.arm for each in found["rag"]} == {"base"} and {each.b.arm for each in found["rag"]} == {"rag"}
    assert [each.question.id for each in found["ft"]] != NAMES  # drawn, not in their order


def test_the_arms_take_turns_before_a_judge(config: Config) -> None:
    found = opposed(config)

    order = [each.b.arm for each in to_judge(found)]

    assert order == ["rag", "ft"] * 8 + ["ft"] * 4
    assert to_judge({}) == []


def test_every_judge_has_a_rate_for_every_arm_it_judged_and_equal_answers_are_ties(
    config: Config, ratchet_home: Path
) -> None:
    found = opposed(config)
    verdicts = [verdict(each, "b") for each in found["rag"]] + [verdict(each, "a") for each in found["ft"]]

    rates = measure_win_rates(config, Home(ratchet_home), benchmark(("base", "rag", "ft")), found, verdicts, 12)

    assert rates["rag"].rates[REFERENCE].mean == pytest.approx((8 + 4 / 2) / 12)
    assert rates["rag"].rates[REFERENCE].equal == 4
    assert rates["ft"].rates[REFERENCE].mean == 0
    assert rates["ft"].best is None  # nobody has labelled anything
    metric = win_rate_metric(rates["ft"])
    assert metric is not None and metric.mean == 0


def test_peoples_labels_of_any_round_correct_the_judge(config: Config, ratchet_home: Path) -> None:
    home = Home(ratchet_home)
    found = opposed(config)
    verdicts = [verdict(each, "b") for each in found["ft"]]
    log.append(home, log.for_tests("tiny"), [verdict(each, "a", "human") for each in found["ft"][:6]])

    rates = measure_win_rates(config, home, benchmark(("base", "rag", "ft")), found, verdicts, 12)["ft"]

    corrected = rates.rates[REFERENCE]
    assert (corrected.corrected, corrected.labelled, corrected.naive) == (True, 6, 1.0)
    assert corrected.mean < 0.5
    assert rates.rates["people"].mean == 0
    assert rates.best is not None and rates.rates[rates.best].evidence
    # Of rag nobody labelled anything, and the reference judge gave no verdict.
    nothing = measure_win_rates(config, home, benchmark(("base", "rag")), {"rag": found["rag"]}, [], 12)["rag"]
    assert nothing.rates == {} and win_rate_metric(nothing) is None


def test_the_metric_is_the_one_to_go_by_else_the_reference_judges() -> None:
    def rate(mean: float) -> JudgedWinRate:
        return JudgedWinRate.model_validate(
            {
                "mean": mean,
                "ci95": (0, 1),
                "corrected": False,
                "labelled": 0,
                "judged": 1,
                "naive": mean,
                "naive_ci95": (0, 1),
                "evidence": False,
            }
        )

    rates = {REFERENCE: rate(0.2), "judge:local@0123456789ab": rate(0.7)}
    shown = [
        win_rate_metric(ArmWinRates(against="base", compared=1, rates=rates, best=best))
        for best in (None, "judge:local@0123456789ab")
    ]
    assert [each.mean for each in shown if each] == [0.2, 0.7]
