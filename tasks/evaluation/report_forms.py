"""The report's table of exported forms: whether each answers as the evaluated model does."""

from collections.abc import Sequence
from typing import Any

from tasks.records import FormParity


def describe_forms(forms: Sequence[FormParity]) -> dict[str, Any] | None:
    """A row a form, and a sentence on each that failed; None where there are none."""
    if not forms:
        return None
    return {
        "rows": [_row(form) for form in forms],
        "problems": [f"{form.problem}." for form in forms if form.problem],
    }


def _row(form: FormParity) -> dict[str, Any]:
    return {
        "form": form.form,
        "numbers": form.numbers,
        "loaded_with": form.loaded_with,
        "prompts": f"{form.prompts:,}",
        "equal": f"{round(form.equal_answers * form.prompts):,}",
        "gap": "–" if form.max_gap is None else f"{form.max_gap:.2g}",
        "gap_in": "log-probability" if form.form == "gguf" else "logit",
        "allowed": f"{form.tolerance:g}",
        "passed": form.passed,
    }
