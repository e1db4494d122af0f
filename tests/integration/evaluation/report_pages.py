"""Pages of sample rounds, for the tests that read them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tasks.evaluation.report_html import render_report

MakeRound = Callable[..., Any]
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 * 7 }} </script>"


def render(sample: Any, **changes: Any) -> str:
    """The page of a sample round without plotly.js, which is long and not ours."""
    page = render_report(**{**vars(sample), **changes}, primary_metric="rouge_l")
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", page, flags=re.DOTALL)


def put_into_rows(sample: Any, field: str, value: Any) -> Mapping[str, Any]:
    """The sample's answers with this value in a field of each row, as a change for `render`."""
    return {"answers": tuple(row.model_copy(update={field: value}) for row in sample.answers)}
