"""The report's table of exported forms: what was found of each, and nothing where none was asked for."""

import json
from typing import Any

from integration.evaluation.report_pages import EVIL, MakeRound, render

from tasks.evaluation.report import report_json
from tasks.evaluation.report_forms import describe_forms
from tasks.records import FormParity

TITLE = "The same model in every form"
MERGED = FormParity(
    form="merged",
    numbers="float32",
    loaded_with="transformers 5.23.0",
    prompts=4,
    equal_answers=1.0,
    max_gap=9.131e-05,
    tolerance=0.001,
    passed=True,
)
GGUF = FormParity(
    form="gguf",
    numbers="f16",
    loaded_with="llama.cpp, xllamacpp 2026.10",
    prompts=4,
    equal_answers=0.25,
    max_gap=None,
    tolerance=0.1,
    passed=False,
    problem="gguf, asked 'Q', is off by 3 (0.1 allowed)",
)


def with_forms(sample: Any, *forms: FormParity) -> Any:
    evidence = sample.decision.evidence.model_copy(update={"forms": forms})
    return sample.decision.model_copy(update={"evidence": evidence})


def test_each_form_has_a_row_with_its_figures(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    page = render(sample, decision=with_forms(sample, MERGED, GGUF))
    section = page.partition(f"<h2>{TITLE}</h2>")[2].partition("</section>")[0]
    for shown in ("merged", "float32", "transformers 5.23.0", "9.1e-05", "0.001", "✓ Passed", "✗ Failed", "–"):
        assert shown in section, shown
    assert "gguf, asked &#39;Q&#39;, is off by 3 (0.1 allowed)." in section


def test_without_exported_forms_there_is_no_table(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    assert TITLE not in render(sample)
    assert TITLE not in render(sample, decision=None)
    assert describe_forms(()) is None


def test_equal_answers_are_counted_and_the_gaps_unit_is_named() -> None:
    described = describe_forms([MERGED, GGUF])
    assert described is not None
    rows = [(row["equal"], row["gap"], row["gap_in"]) for row in described["rows"]]
    assert rows == [("4", "9.1e-05", "logit"), ("1", "–", "log-probability")]
    assert described["problems"] == ["gguf, asked 'Q', is off by 3 (0.1 allowed)."]


def test_what_a_model_or_a_library_says_is_shown_as_text(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    evil = GGUF.model_copy(update={"problem": EVIL, "loaded_with": EVIL, "numbers": EVIL})
    page = render(sample, decision=with_forms(sample, evil))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3


def test_machines_read_the_same_in_the_decisions_evidence(make_round: MakeRound) -> None:
    sample = make_round(questions=5)
    values = report_json(sample.report, with_forms(sample, MERGED, GGUF), {})
    assert json.loads(json.dumps(values))["decision"]["evidence"]["forms"] == [
        MERGED.model_dump(mode="json"),
        GGUF.model_dump(mode="json"),
    ]
