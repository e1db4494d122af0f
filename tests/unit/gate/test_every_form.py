"""A challenger is promoted only when each form that consumers take answers as it does."""

from typing import Any

from example_decisions import gate_evidence

from tasks.gate.certificate import decide
from tasks.gate.identity import same_answers_in_every_form
from tasks.records import FormParity
from tasks.settings.evaluation import Form, PromoteSettings


def parity(form: Form, **changes: Any) -> FormParity:
    fields: dict[str, Any] = {
        "form": form,
        "numbers": "f16",
        "loaded_with": "llama.cpp 1",
        "prompts": 4,
        "equal_answers": 0.75,
        "max_gap": 0.0123,
        "tolerance": 0.1,
        "passed": True,
    }
    return FormParity(**fields | changes)


BROKEN = parity("gguf", passed=False, equal_answers=0.0, max_gap=None, problem="gguf, asked 'Q', is off by 3")


def test_forms_that_all_answer_alike_pass_with_their_figures() -> None:
    check = same_answers_in_every_form([parity("merged", max_gap=None), parity("gguf")])
    assert (check.name, check.passed) == ("same_answers_in_every_form", True)
    assert check.sentence == (
        "The exported forms answer as the evaluated model does: merged (3 of 4 answers equal), gguf (3 of 4 answers "
        "equal, off by at most 0.012 (0.1 allowed))."
    )


def test_the_check_is_named_by_the_form_that_failed() -> None:
    check = same_answers_in_every_form([parity("merged"), BROKEN])
    assert (check.name, check.passed) == ("same_answers_in_every_form: gguf", False)
    assert check.sentence == "Not the same model in every form: gguf, asked 'Q', is off by 3."
    assert check.evidence["forms"][1]["passed"] is False


def test_several_that_failed_are_all_named() -> None:
    adapter = parity("adapter", passed=False, problem="adapter does not load: x")
    check = same_answers_in_every_form([adapter, BROKEN])
    assert check.name == "same_answers_in_every_form: adapter, gguf"
    assert check.sentence == (
        "Not the same model in every form: adapter does not load: x; gguf, asked 'Q', is off by 3."
    )


def test_one_broken_form_blocks_a_challenger_that_passes_all_else() -> None:
    def failing(*forms: FormParity) -> list[str]:
        certificate = decide(gate_evidence(forms=forms), PromoteSettings())
        return [check.name for check in certificate.checks if not check.passed]

    assert failing() == []
    assert failing(parity("merged"), parity("gguf")) == []
    assert failing(parity("merged"), BROKEN) == ["same_answers_in_every_form: gguf"]


def test_where_no_form_was_asked_for_there_is_no_check() -> None:
    names = [check.name for check in decide(gate_evidence(), PromoteSettings()).checks]
    assert not any(name.startswith("same_answers") for name in names)
