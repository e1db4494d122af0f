"""Whether users who met the challenger find it not worse than the champion, from their thumbs. Pure.

The test is `tasks.evaluation.canary`'s: it holds whenever somebody looks, so an approval may be tried after each thumb.
"""

from tasks.records import CanaryEvidence, Check, VersionThumbs


def not_worse_to_users(found: CanaryEvidence) -> Check:
    """Passes when there are enough pairs of thumbs, and the p-value of a loss of the margin is not above the level."""
    return Check(
        name="not_worse_to_users",
        passed=found.held,
        sentence=_sentence(found),
        evidence={**found.model_dump(mode="json"), "held": found.held},
    )


def describe_pairs(found: CanaryEvidence) -> str:
    """How many pairs there are of those that are needed."""
    return f"{found.pairs} of {found.needed} pairs of users' thumbs"


def _sentence(found: CanaryEvidence) -> str:
    if found.paired is None:
        return (
            f"There are {describe_pairs(found)} (thumbs on version {_count(found.challenger)}, on version "
            f"{_count(found.champion)}): run `ratchet serve` with serve.canary_share above 0, so that users meet both, "
            "and send their thumbs to POST /v1/feedback."
        )
    low, high = found.paired.ci95
    outcomes = f"{found.paired.wins} wins, {found.paired.ties} ties, {found.paired.losses} losses"
    if not found.enough:
        return f"There are {describe_pairs(found)} ({outcomes}): go on serving both versions until there are more."
    figures = (
        f"{found.paired.difference:+.4f} in the share of thumbs up (95 % interval {low:+.4f} to {high:+.4f}; "
        f"{outcomes} in {found.pairs} pairs, {found.same_question} of them on one question), p {found.p_value:.2g} "
        f"({found.level:g} allowed)"
    )
    if found.held:
        return f"To users the challenger is proven to lose less than {found.margin:g}: {figures}."
    if low <= high < 0.0:
        return f"To users the challenger is worse than the champion: {figures}."
    return (
        f"To users a loss of {found.margin:g} is not ruled out: {figures}; more thumbs may do that, for the test holds "
        "however often it is asked."
    )


def _count(of: VersionThumbs) -> str:
    return f"{of.version}: {of.up + of.down}"
