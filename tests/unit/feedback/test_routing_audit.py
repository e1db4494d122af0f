"""The random slice comes first, stays random, and takes two labels each."""

from collections import Counter

import pytest
from example_routing import NONE, about, ask, chosen, labels, said, verdict
from scipy.stats import chi2

from tasks.feedback.drawing import in_order_of_draw


def test_the_audit_slice_is_a_uniform_draw_whatever_the_judge_said() -> None:
    # Questions with one, two and three comparisons, and all kinds of verdicts: none may be likelier than another.
    comparisons = [
        *about(*"abcd"),
        *about(*"ef", pairs=("xy", "yz")),
        *about(*"gh", pairs=("xy", "yz", "xz")),
    ]
    judgements = [verdict("a", 0.5), verdict("b", swap_inconsistent=True), verdict("c", 0.9), verdict("g", 0.6)]
    draws, size = 3000, 4
    drawn: Counter[str] = Counter()
    for seed in range(draws):
        requests, counts = ask(comparisons, judgements, [said("c", "b")], budget=8, audit_share=1.0, seed=seed)
        assert counts == NONE | {"audit": size}
        drawn.update(
            f"{each.question_id} {min(each.candidate_a, each.candidate_b)}{max(each.candidate_a, each.candidate_b)}"
            for each in requests
        )
    share = size / len(comparisons)
    # Drawn without replacement, the scaled squares add up to a chi-squared variable with one degree fewer.
    squares = sum((count - draws * share) ** 2 for count in drawn.values()) / (draws * share * (1 - share))
    assert len(drawn) == len(comparisons)
    assert squares * (len(comparisons) - 1) / len(comparisons) < chi2.ppf(0.999, len(comparisons) - 1)


def test_the_audit_slice_does_not_depend_on_judges_or_embeddings() -> None:
    comparisons = about(*"abcdefgh")
    plain, _ = ask(comparisons, budget=10, audit_share=0.3)
    judged, _ = ask(
        comparisons,
        [verdict(name, 0.5, swap_inconsistent=name < "d") for name in "abcdefgh"],
        budget=10,
        audit_share=0.3,
        places={name: [float(ord(name) % 7), 1.0] for name in "abcdefgh"},
    )
    assert chosen(plain)[:2] == chosen(judged)[:2]
    assert [why for _, why in chosen(plain)].count("audit") == 2


def test_the_audit_slice_is_the_beginning_of_the_order_of_draw() -> None:
    comparisons = about(*"abcdefgh", pairs=("xy", "yz"))
    for seed in range(20):
        requests, _ = ask(comparisons, budget=10, audit_share=1.0, seed=seed)
        ordered = in_order_of_draw(comparisons[::-1], domain="d", round_number=1, seed=seed)
        assert sorted(each.question.id for each in ordered) == sorted(each.question.id for each in comparisons)
        assert [{each.a.id, each.b.id} for each in ordered[:5]] == [
            {request.candidate_a, request.candidate_b} for request in requests
        ]


def test_what_the_audit_slice_asks_need_not_be_asked_again() -> None:
    names = "abcdefgh"
    places = {name: [float(place)] for place, name in enumerate(names)}
    comparisons = about(*names, pairs=("xy", "yz"))
    for seed in range(20):
        requests, _ = ask(comparisons, budget=7, audit_share=0.3, places=places, seed=seed)
        audited = {name for name, why in chosen(requests) if why == "audit"}
        others = [name for name, why in chosen(requests) if why != "audit"]
        assert len(requests) == 5
        assert not audited & set(others)
        # The first of the diverse ones is as far as can be from all chosen before it.
        before = audited | {name for name, why in chosen(requests) if why == "unsure"}
        first = next(name for name, why in chosen(requests) if why == "diverse")

        def gap(name: str, before: set[str] = before) -> float:
            return min(abs(places[name][0] - places[other][0]) for other in before)

        assert gap(first) == max(map(gap, names))


@pytest.mark.parametrize(
    ("comparisons", "budget", "audit_share", "audited", "once"),
    [
        (30, 20, 0.2, 3, 14),
        (30, 20, 0.0, 0, 20),
        (30, 20, 1.0, 10, 0),  # two labels each
        (30, 21, 1.0, 10, 1),
        (30, 4, 0.1, 0, 4),  # rounds to none
        (30, 1, 1.0, 0, 1),
        (30, 0, 0.5, 0, 0),
        (3, 20, 0.2, 3, 0),
        (6, 20, 0.2, 3, 3),  # fewer than the budget: all
        (16, 20, 0.2, 3, 13),
    ],
)
def test_the_budget_counts_labels(comparisons: int, budget: int, audit_share: float, audited: int, once: int) -> None:
    names = [chr(ord("A") + number) for number in range(comparisons)]
    requests, counts = ask(about(*names), budget=budget, audit_share=audit_share)
    assert (counts["audit"], len(requests) - counts["audit"]) == (audited, once)
    assert labels(requests) <= budget
