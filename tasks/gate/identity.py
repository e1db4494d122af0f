"""Whether what would be promoted is what was evaluated, against the champion that consumers have. Pure."""

from collections.abc import Sequence

from tasks.records import Check, FormParity

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


def same_answers_in_every_form(forms: Sequence[FormParity]) -> Check:
    """Passes when every exported form answers as the evaluated model does; those that do not are in its name.

    Args:
        forms: at least one.
    """
    failed = [form for form in forms if not form.passed]
    if failed:
        sentence = f"Not the same model in every form: {'; '.join(str(form.problem) for form in failed)}."
    else:
        named = ", ".join(_describe_form(form) for form in forms)
        sentence = f"The exported forms answer as the evaluated model does: {named}."
    return Check(
        name=": ".join(["same_answers_in_every_form", *([", ".join(form.form for form in failed)] if failed else [])]),
        passed=not failed,
        sentence=sentence,
        evidence={"forms": [form.model_dump(mode="json") for form in forms]},
    )


def _describe_form(form: FormParity) -> str:
    equal = f"{round(form.equal_answers * form.prompts)} of {form.prompts} answers equal"
    gap = "" if form.max_gap is None else f", off by at most {form.max_gap:.2g} ({form.tolerance:g} allowed)"
    return f"{form.form} ({equal}{gap})"


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


def not_taken_back(challenger: int, taken_back: str | None) -> Check:
    """Passes when no person has taken the challenger back.

    One that was promoted and rolled back, or rejected, has its round run again when a kill kept the decision from
    being written down; what a person said holds against that.
    """
    if taken_back is None:
        sentence = f"Nobody has rolled back or rejected version {challenger}."
    else:
        sentence = f"Version {challenger} was {taken_back}: it is not promoted again; run the next round."
    return Check(
        name="not_taken_back",
        passed=taken_back is None,
        sentence=sentence,
        evidence={"challenger": challenger, "taken_back": taken_back},
    )
