"""The report for people: one HTML file that needs no network, for a manager and for an engineer.

The page is a jinja2 template in which everything is escaped, for questions and answers are untrusted. Its policy
lets the browser run the two scripts whose hashes it names, plotly.js and the page's own, and fetch nothing: were an
escape ever missed, an answer could still neither run nor phone home. The same report gives the same bytes.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tasks.evaluation.forgetting import LedgerRow
from tasks.evaluation.report_view import Curves, build_view
from tasks.evaluation.round_feedback import NOTHING_SAID, RoundFeedback
from tasks.records import AnswerRow, ArmReport, PromotionDecision

if TYPE_CHECKING:
    import jinja2


def render_report(
    report: ArmReport,
    decision: PromotionDecision | None,
    answers: Sequence[AnswerRow],
    provenance: Mapping[str, Any],
    curves: Curves,
    primary_metric: str,
    feedback: RoundFeedback = NOTHING_SAID,
    ledger: Sequence[LedgerRow] = (),
) -> str:
    """The whole page as HTML text.

    Args:
        report: scores, comparisons, and what was compared.
        decision: None shows the figures without a verdict.
        answers: what every arm said; rows without metrics leave out the chart of questions.
        provenance: nested keys and values, shown as they are.
        curves: by phase (`sft`, `dpo`), loss by optimizer step.
        primary_metric: the metric of the verdict, the chart of questions and the examples.
        feedback: what people and judges said; what is None or empty in it leaves its section out.
        ledger: what each round's challenger lost on each skill; empty leaves its section out.
    """
    return render_page(
        "report.html.j2", build_view(report, decision, answers, provenance, curves, primary_metric, feedback, ledger)
    )


def render_page(
    template: str,
    view: Mapping[str, Any],
    *,
    scripts: Sequence[str] = (),
    css: str = "",
    fragments: Mapping[str, str] | None = None,
) -> str:
    """A page with the charts' scripts and the styles that all pages have.

    Args:
        template: a file's name in `tasks/evaluation/templates`.
        view: the values the template shows, all of them escaped.
        scripts: those that run after the page's own.
        css: styles after the page's own.
        fragments: names and HTML that go into the page as they are.
    """
    from plotly.offline import get_plotlyjs

    every = [get_plotlyjs(), _template_file("report.js"), *scripts]
    context = {
        **view,
        **{name: _trusted(html) for name, html in (fragments or {}).items()},
        "policy": _content_policy(every),
        "scripts": [_trusted(script) for script in every],
        "css": _trusted(f"{_template_file('report.css')}{css}"),
    }
    return _environment().get_template(template).render(context)


def _environment() -> "jinja2.Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # StrictUndefined: a name misspelt in the template fails here instead of leaving a hole in the page.
    return Environment(autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_template_file))


def _trusted(source: str) -> str:
    """Text of our own or plotly's that goes into the page as it is."""
    from markupsafe import Markup

    return Markup(source)


def _template_file(name: str) -> str:
    return (files("tasks.evaluation") / "templates" / name).read_text(encoding="utf-8")


def _content_policy(scripts: Sequence[str]) -> str:
    """A Content-Security-Policy: these scripts run and no others, styles are inline, nothing is fetched."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
