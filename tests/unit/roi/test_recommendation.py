"""What is recommended, in which words, and under which conditions."""

from example_usage import some_prices, usage, varied_usages

from tasks.records import Recommendation
from tasks.roi.analyse import analyse
from tasks.settings.prices import PriceSettings, ServingPrices

API = ServingPrices(usd_per_1k_prompt_tokens=0.01)
SERVER = ServingPrices(usd_per_server_month=100.0)


def recommended(prices: PriceSettings, rag_correct: float = 1.0, ft_correct: float = 1.0) -> Recommendation:
    """RAG on an API against fine-tuning on a server that no load fills, each correct to the same degree everywhere."""
    rag = usage("rag", server_s=(0.0,) * 4, correct=(rag_correct,) * 4)
    ft = usage("ft", server_s=(0.0,) * 4, correct=(ft_correct,) * 4)
    return analyse(prices, [rag, ft]).recommendation


def prices_at(queries_per_day: float, **changes: object) -> PriceSettings:
    # RAG costs $0.01 a query; fine-tuning $1,355 in the first year: even at 1,355 / 3.65 = 371.2 queries a day.
    fields: dict[str, object] = {
        "queries_per_day": queries_per_day,
        "without_adapter": API,
        "with_adapter": SERVER,
        "retraining_interval_months": None,
        "usd_per_label": 1.0,
        "labels_before_training": 155,
        **changes,
    }
    return PriceSettings.model_validate(fields)


def test_the_sentence_and_its_conditions_by_hand() -> None:
    found = recommended(prices_at(1000.0))
    assert found.arm == "ft"
    assert found.sentence == (
        "At 1,000 queries a day over 12 months, fine-tuned costs least for each correct answer: $0.00371 "
        "(95 % interval $0.00371 to $0.00371), with 100 % of its answers correct."
    )
    assert found.conditions == (
        "Below 371 queries a day RAG costs least for each correct answer; from 371 on, fine-tuned does.",
        "Below 371 queries a day RAG costs least for each answer, right or wrong; from 371 on, fine-tuned does.",
        "Against RAG it has paid for itself by the end of month 1 (95 % interval month 1 to month 1).",
        "That stays so whether adapters are trained every month or only once.",
        "It came first in 100 % of 1,000 bootstrap draws of the questions.",
    )


def test_with_few_queries_the_arm_without_training_is_recommended() -> None:
    found = recommended(prices_at(100.0))
    assert found.arm == "rag"
    assert found.conditions[0].startswith("Below 371 queries a day RAG costs least")


def test_an_arm_that_is_right_more_often_is_named_with_the_price_of_one_more_correct_answer() -> None:
    # At 1,000 queries RAG costs $0.01 a query; fine-tuning 1,355 / 365,000 = $0.00371, and is right half as often:
    # (0.01 - 0.00371) / (0.8 - 0.4) = $0.0157 for each further correct answer.
    found = recommended(prices_at(1000.0), rag_correct=0.8, ft_correct=0.4)
    assert found.arm == "ft"
    assert found.conditions[0] == (
        "RAG is correct more often (80 % against 40 %): it is the better choice where one more correct answer is "
        "worth more than $0.0157."
    )


def test_an_arm_below_the_wanted_share_is_not_recommended() -> None:
    found = recommended(prices_at(1000.0, min_correct_share=0.5), rag_correct=0.8, ft_correct=0.4)
    assert found.arm == "rag"
    assert not any("fine-tuned" in sentence for sentence in found.conditions)
    assert set(found.draws_share) == {"rag"}


def test_when_no_arm_has_the_wanted_share_none_is_recommended() -> None:
    found = recommended(prices_at(1000.0, min_correct_share=0.9), rag_correct=0.8, ft_correct=0.4)
    assert (found.arm, found.conditions) == (None, ())
    assert found.sentence == (
        "No arm is correct in 90 % of its answers (`prices.min_correct_share`), so none is recommended."
    )


def test_without_prices_the_arm_most_often_correct_is_named() -> None:
    found = recommended(PriceSettings(), rag_correct=0.8, ft_correct=0.4)
    assert found.arm is None
    assert found.sentence == (
        "No arm costs anything at these prices, so cost cannot decide: fill in `prices` in the config. "
        "Most often correct is RAG, in 80 % of its answers."
    )


def test_an_interval_of_retraining_that_would_change_the_choice_is_a_condition() -> None:
    # 100 labels a month more and fine-tuning costs 1,355 + 11 x 300 = $4,655 against RAG's $3,650.
    found = recommended(prices_at(1000.0, labels_per_retraining=300))
    assert found.arm == "ft"
    assert "If adapters were trained every month, RAG would cost least." in found.conditions
    assert not any("stays so" in sentence for sentence in found.conditions)


def test_an_arm_that_becomes_cheaper_only_after_the_horizon_is_a_condition() -> None:
    # 155 + 100 t against 0.01 x 365 x 372 / 12 x t = 113.15 t: from month 12 on; at 360 queries 109.5 t: month 17.
    found = recommended(prices_at(360.0))
    assert found.arm == "rag"
    assert (
        "By the end of month 17 (95 % interval month 17 to month 17) fine-tuned has become cheaper." in found.conditions
    )


def test_an_arm_that_the_next_retraining_makes_the_dearer_one_again_has_not_paid_for_itself() -> None:
    # At 400 queries RAG costs $121.67 a month. Fine-tuning: 155 + 100 t, in month 13 and every twelve after 100 more.
    changes = {"retraining_interval_months": 12, "labels_per_retraining": 200}
    found = recommended(prices_at(400.0, **changes))
    assert found.arm == "ft"
    assert not any("paid for itself" in sentence or "become cheaper" in sentence for sentence in found.conditions)


def test_a_lead_that_chance_could_explain_is_called_so() -> None:
    close = [usage("base", correct=(1.0, 0.0, 0.0, 1.0)), usage("rag", correct=(0.0, 1.0, 1.0, 1.0))]
    found = analyse(PriceSettings(without_adapter=API), close).recommendation
    assert found.arm == "rag" and 0.5 < found.draws_share["rag"] < 0.95
    assert found.sentence.endswith("its lead is within what chance could explain.")
    assert found.conditions[-1].endswith(f"base in {round(100 * found.draws_share['base'])} %.")


def test_arms_without_an_adapter_have_nothing_to_say_on_retraining() -> None:
    usages = [each for each in varied_usages() if not each.adapter]
    assert not any("trained" in sentence for sentence in analyse(some_prices(), usages).recommendation.conditions)
