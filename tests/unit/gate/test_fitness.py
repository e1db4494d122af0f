"""What is too slow, too large, says too much or is of unknown licence does not go out."""

from typing import Any

import pytest
from example_decisions import gate_evidence

from tasks.files import canonical_json
from tasks.gate.certificate import decide
from tasks.records import Fitness, Leak, Licences, PeakMemory
from tasks.settings.evaluation import PromoteSettings

STATED = Licences(base="apache-2.0", base_from="README.md", data="CC-BY-4.0")
MEMORY = PeakMemory(resident_bytes=900, device_bytes=None, prompts=32)


def fitness(**changes: Any) -> Fitness:
    fields: dict[str, Any] = {
        "answers": 40,
        "secrets": (),
        "test_questions": (),
        "latency_s": 1.5,
        "memory": MEMORY,
        "licences": STATED,
    }
    return Fitness(**fields | changes)


def failed(found: Fitness | None, **settings: Any) -> dict[str, str]:
    """The failed checks' sentences, by name."""
    certificate = decide(gate_evidence(fitness=found), PromoteSettings.model_validate(settings))
    assert canonical_json(certificate)
    return {check.name: check.sentence for check in certificate.checks if not check.passed}


def test_without_budgets_what_is_silent_passes_whatever_it_takes():
    assert failed(fitness(latency_s=1e6, memory=None, licences=Licences(base=None, base_from=None, data=None))) == {}


@pytest.mark.parametrize(
    ("serving", "found"),
    [
        ({"max_latency_s": 1.5}, {}),
        (
            {"max_latency_s": 1.4},
            {
                "within_latency": "95 of 100 answers take at most 1.5 s, above the budget of 1.4 s, in the batches of "
                "the evaluation."
            },
        ),
        ({"max_memory_bytes": 900}, {}),
        (
            {"max_memory_bytes": 899},
            {
                "within_memory": "A process that loads it and answers 32 prompts takes 900 bytes of main memory, above "
                "the budget of 899."
            },
        ),
    ],
)
def test_a_budget_is_kept_or_the_check_names_it(serving: dict[str, Any], found: dict[str, str]):
    assert failed(fitness(), serving=serving) == found


def test_with_a_gpu_its_memory_is_what_counts():
    memory = PeakMemory(resident_bytes=900, device_bytes=1200, prompts=32)
    assert list(failed(fitness(memory=memory), serving={"max_memory_bytes": 1000})) == ["within_memory"]
    assert failed(fitness(memory=memory), serving={"max_memory_bytes": 1200}) == {}


@pytest.mark.parametrize("found", [None, fitness(memory=None)])
def test_what_was_not_measured_is_within_no_budget(found: Fitness | None):
    names = ["within_memory"] if found else ["within_latency", "within_memory"]
    assert list(failed(found, serving={"max_memory_bytes": 10**12, "max_latency_s": 1e9})) == names


def test_a_key_in_an_answer_blocks_and_is_not_repeated():
    leaks = tuple(Leak(question_id=f"q{number}", said="key") for number in range(7))
    assert failed(fitness(secrets=leaks)) == {
        "no_secret_in_answers": "7 of 40 answers of the challenger hold a key or secret: those to 'q0', 'q1', 'q2', "
        "'q3', 'q4' and 2 more."
    }


def test_a_test_question_in_an_answer_blocks():
    assert failed(fitness(test_questions=(Leak(question_id="q1", said="q2"),))) == {
        "no_test_question_in_answers": "1 of 40 answers of the challenger hold another test question: those to 'q1'."
    }


@pytest.mark.parametrize(
    ("licences", "sentence"),
    [
        (STATED, None),
        (STATED.model_copy(update={"data": None}), "Licences: base apache-2.0, data not stated: set licences.data."),
        (
            Licences(base=None, base_from=None, data=None),
            "Licences: base not stated, data not stated: set licences.base and licences.data.",
        ),
    ],
)
def test_licences_must_be_stated_where_they_are_required(licences: Licences, sentence: str | None):
    found = failed(fitness(licences=licences), require_licences=True)
    assert found == ({"licences_recorded": sentence} if sentence else {})
