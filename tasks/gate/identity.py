"""Whether what would be promoted is what was evaluated, against the champion that consumers have. Pure."""

from tasks.records import Check

MAX_LOGIT_DIFFERENCE = 1e-3


def same_model(max_difference: float | None) -> Check:
    """Passes when the reloaded model's logits are within 1e-3 of those of the evaluated one.

    Args:
        max_difference: the largest absolute gap between two logits; None: it is not a number.
    """
    passed = max_difference is not None and 0.0 <= max_difference <= MAX_LOGIT_DIFFERENCE
    found = "is the model that was evaluated" if passed else "is not the model that was evaluated"
    gap = "differ beyond measure" if max_difference is None else f"differ by at most {max_difference:.2g}"
    return Check(
        name="same_model",
        passed=passed,
        sentence=(f"The registered model {found}: loaded back, its logits {gap} ({MAX_LOGIT_DIFFERENCE:g} allowed)."),
        evidence={"max_difference": max_difference, "allowed": MAX_LOGIT_DIFFERENCE},
    )


def same_champion(compared_with: int, champion_now: int | None, challenger: int) -> Check:
    """Passes when the champion is still the version that the challenger was compared with.

    A champion that is the challenger already was moved by an attempt that was killed.
    """
    passed = champion_now in (compared_with, challenger)
    if passed:
        sentence = f"The champion is still version {compared_with}, with which the challenger was compared."
    else:
        sentence = (
            f"The challenger was compared with version {compared_with}, but the champion is now "
            f"{f'version {champion_now}' if champion_now else 'none'}: run the next round to compare with that one."
        )
    evidence = {"compared_with": compared_with, "champion_now": champion_now, "challenger": challenger}
    return Check(name="same_champion", passed=passed, sentence=sentence, evidence=evidence)
