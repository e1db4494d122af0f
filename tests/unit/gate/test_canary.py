"""An approval that needs users' thumbs is given when there are enough, and they rule out a loss of the margin."""

from datetime import UTC, datetime, timedelta

import pytest
from example_decisions import gate_evidence

from tasks.evaluation.canary import Thumb, compare_thumbs, prove_not_worse
from tasks.files import canonical_json
from tasks.gate.canary import describe_pairs, not_worse_to_users
from tasks.gate.certificate import decide
from tasks.records import CanaryEvidence, GateEvidence
from tasks.settings.evaluation import PromoteSettings

SETTINGS = PromoteSettings(approval="approve", canary_pairs=50)


def canary(wins: int = 0, ties: int = 0, losses: int = 0, alone: int = 0) -> CanaryEvidence:
    """Pairs with these outcomes, and thumbs on the champion alone."""
    ups = [(False, True)] * wins + [(True, True)] * ties + [(True, False)] * losses
    rows = [(version, up) for pair in ups for version, up in zip((1, 2), pair, strict=True)] + [(1, True)] * alone
    start = datetime(2026, 11, 1, tzinfo=UTC)
    thumbs = [
        Thumb(f"tr-{place}", version, f"q{place}", None, up, start + timedelta(seconds=place))
        for place, (version, up) in enumerate(rows)
    ]
    compared = compare_thumbs(thumbs, 1, 2, resamples=1000, seed=0)
    return prove_not_worse(compared, needed=50, margin=0.1, level=0.05)


def test_enough_thumbs_that_are_as_good_pass():
    check = not_worse_to_users(canary(wins=6, ties=43, losses=1))
    assert (check.name, check.passed) == ("not_worse_to_users", True)
    assert check.sentence == (
        "To users the challenger is proven to lose less than 0.1: +0.1000 in the share of thumbs up (95 % interval "
        "+0.0000 to +0.2000; 6 wins, 43 ties, 1 losses in 50 pairs, 0 of them on one question), p 0.0058 (0.05 "
        "allowed)."
    )
    assert (check.evidence["pairs"], check.evidence["needed"], check.evidence["held"]) == (50, 50, True)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            canary(),
            "There are 0 of 50 pairs of users' thumbs (thumbs on version 2: 0, on version 1: 0): run `ratchet serve` "
            "with serve.canary_share above 0, so that users meet both, and send their thumbs to POST /v1/feedback.",
        ),
        (canary(alone=3), "(thumbs on version 2: 0, on version 1: 3): run `ratchet serve` with"),
        (
            canary(wins=9, ties=40),
            "There are 49 of 50 pairs of users' thumbs (9 wins, 40 ties, 0 losses): go on serving both versions until "
            "there are more.",
        ),
        (
            canary(ties=40, losses=20),
            "To users the challenger is worse than the champion: -0.3333 in the share of thumbs up (95 % interval "
            "-0.4500 to -0.2167; 0 wins, 40 ties, 20 losses in 60 pairs, 0 of them on one question), p 1 (0.05 "
            "allowed).",
        ),
        (canary(wins=15, ties=20, losses=15), "To users a loss of 0.1 is not ruled out: +0.0000 in the share of "),
    ],
)
def test_too_few_thumbs_or_bad_ones_do_not(found: CanaryEvidence, sentence: str):
    check = not_worse_to_users(found)
    assert not check.passed
    assert sentence in check.sentence


def test_a_challenger_that_users_find_worse_is_blocked_whatever_else_it_passed():
    certificate = decide(gate_evidence(canary=canary(ties=40, losses=20)), SETTINGS)
    assert [check.name for check in certificate.checks if not check.passed] == ["not_worse_to_users"]
    assert decide(gate_evidence(canary=canary(ties=60)), SETTINGS).passed


def test_before_a_person_approves_users_are_not_asked():
    certificate = decide(gate_evidence(), SETTINGS)
    assert certificate.passed
    assert "not_worse_to_users" not in [check.name for check in certificate.checks]


def test_what_users_said_is_read_back_as_it_was_written_down():
    evidence = gate_evidence(canary=canary(ties=60))
    again = GateEvidence.model_validate_json(canonical_json(evidence))
    assert again == evidence and decide(again, SETTINGS) == decide(evidence, SETTINGS)
    assert describe_pairs(canary(ties=60)) == "60 of 50 pairs of users' thumbs"
