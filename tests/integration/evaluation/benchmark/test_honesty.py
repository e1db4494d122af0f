"""Abstention, claims, win rates and energy with a real, tiny model, a real index and a real feedback log."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from energy_counters import write_counter

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.benchmark import answers as answering
from tasks.evaluation.benchmark.answers import Said, answer_as_arms
from tasks.evaluation.benchmark.asked import Asked, choose_questions
from tasks.evaluation.benchmark.compare import compare_as_arms
from tasks.evaluation.benchmark.contexts import retrieve_contexts
from tasks.evaluation.benchmark.plan import Benchmark, open_benchmark
from tasks.evaluation.benchmark.report import report_json, write_benchmark_report
from tasks.evaluation.benchmark.retrieved import Retrieved
from tasks.evaluation.benchmark.win_rates import measure_win_rates, oppose_arms, round_of, to_judge
from tasks.feedback.collecting import judge_by_reference
from tasks.files import read_rows
from tasks.home import Home
from tasks.models.generation import Generation, generate
from tasks.models.hardware import Hardware, choose_hardware
from tasks.records import BenchmarkAnswer, BenchmarkReport, Document
from tasks.roi import energy

ABSTAIN = "The documents do not say."
DOCUMENTS = {
    "chain.txt": "Chain joins iterables into one. It returns an iterator over the elements of each.",
    "sort.txt": "Sort orders the elements of a list in place. It returns nothing.",
    "zip.txt": "Zip pairs elements of two iterables. Numbers it knows not.",
}
ROWS: tuple[dict[str, Any], ...] = (
    {"id": "chain", "question": "What does chain do?", "answer": "It joins iterables.", "sources": ["chain.txt"]},
    {"id": "sort", "question": "What does sort do?", "answer": "It orders elements.", "sources": ["sort.txt"]},
    {"id": "xylem", "question": "Wherefore xylem qwx?", "answerable": False},
    {"id": "yaws", "question": "Why yaws vkj?", "answerable": False},
    {"id": "len", "question": "What does len do?", "answer": "It counts.", "split": "train"},
)


@pytest.fixture
def home(ratchet_home: Path) -> Home:
    return Home(ratchet_home)


@pytest.fixture
def config(tmp_path: Path, tiny_model: Path) -> Config:
    for name, text in DOCUMENTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    rows = [{"split": "test", **row} for row in ROWS]
    (tmp_path / "questions.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return Config.model_validate(
        {
            "name": "tiny",
            "questions": "questions.jsonl",
            "documents": ["*.txt"],
            "model": {"base": str(tiny_model), "threads": 1},
            "generation": {"max_new_tokens": 6},
            "evaluate": {"bootstrap_resamples": 1000},
            "retrieval": {"dense": False, "passages": 2, "abstain": ABSTAIN},
            "root": tmp_path,
        }
    )


Opened = tuple[Benchmark, Asked, Retrieved, Hardware]


def prepare(config: Config, home: Home) -> Opened:
    hardware = choose_hardware(config.model)
    benchmark = open_benchmark(config, home, ("base", "rag"))
    asked = choose_questions(config, home, benchmark.domain)
    return benchmark, asked, retrieve_contexts(config, home, benchmark, asked, hardware), hardware


def as_if_said(said: Said, asked: Asked, of_rag: Mapping[str, str]) -> Said:
    """The same, with texts of one's own as the answers of rag: the tiny model has nothing to say."""
    texts = [of_rag.get(question.id, "") for question in asked.questions]
    generations = tuple(
        generation.model_copy(update={"text": text})
        for generation, text in zip(said.answers["rag"].generations, texts, strict=True)
    )
    rag, cited = answering.without_citations(said.answers["rag"].model_copy(update={"generations": generations}))
    return Said({**said.answers, "rag": rag}, said.unanswerable, {**said.cited, "rag": cited}, said.energy_j)


def report_on(config: Config, home: Home, opened: Opened, said: Said) -> BenchmarkReport:
    benchmark, asked, retrieved, hardware = opened
    against = oppose_arms(config, benchmark, asked.questions, said.answers)
    verdicts = judge_by_reference(config, home, to_judge(against), hardware, round_of(benchmark))
    rates = measure_win_rates(config, home, benchmark, against, verdicts, len(asked.questions))
    return compare_as_arms(config, home, benchmark, asked, said, retrieved, rates, hardware)


def test_an_arm_that_finds_nothing_says_the_configs_text_without_asking_the_model(config: Config, home: Home) -> None:
    opened = prepare(config, home)
    benchmark, asked, retrieved, hardware = opened

    said = answer_as_arms(config, home, benchmark, None, asked, retrieved, hardware)

    assert {question.id for question in asked.unanswerable} == {"xylem", "yaws"}
    assert [context.found for context in retrieved.unanswerable] == [0, 0]
    rag, base = said.unanswerable["rag"].generations, said.unanswerable["base"].generations
    unasked = Generation(text=ABSTAIN, prompt_tokens=0, completion_tokens=0, latency_s=0.0)
    assert rag == (unasked, unasked)
    assert all(each.prompt_tokens > 0 for each in base)
    assert all(each.prompt_tokens > 0 for each in said.answers["rag"].generations)

    report = report_on(config, home, opened, said)
    assert report.abstention["rag"].unanswerable.abstained == 2
    assert report.abstention["base"].unanswerable.abstained == 0
    assert report.abstention["rag"].answerable.questions == report.questions == 2
    rows = read_rows(home.objects, report.answers, BenchmarkAnswer)
    assert [row.question_id for row in rows if not row.answerable and row.arm == "rag"] == [
        question.id for question in asked.unanswerable
    ]
    assert all(row.metrics == {} for row in rows if not row.answerable)


def test_without_such_a_text_the_model_is_asked(config: Config, home: Home) -> None:
    silent = config.model_copy(update={"retrieval": config.retrieval.model_copy(update={"abstain": None})})
    benchmark, asked, retrieved, hardware = prepare(silent, home)

    said = answer_as_arms(silent, home, benchmark, None, asked, retrieved, hardware)

    assert all(each.prompt_tokens > 0 for each in said.unanswerable["rag"].generations)


def test_claims_are_cited_by_document_and_place_and_citations_are_not_scored(config: Config, home: Home) -> None:
    opened = prepare(config, home)
    benchmark, asked, retrieved, hardware = opened
    said = answer_as_arms(config, home, benchmark, None, asked, retrieved, hardware)
    by_id = {question.id: context for question, context in zip(asked.questions, retrieved.contexts, strict=True)}
    right = [each.document_id for each in by_id["chain"].passages].index("chain.txt") + 1
    of_rag = {"chain": f"It joins iterables. [{right}]", "sort": "It bakes bread. [9]"}

    report = report_on(config, home, opened, as_if_said(said, asked, of_rag))

    documents = {each.id: each.text for each in read_rows(home.objects, benchmark.domain.documents, Document)}
    rows = {
        row.question_id: row
        for row in read_rows(home.objects, report.answers, BenchmarkAnswer)
        if row.arm == "rag" and row.answerable
    }
    assert rows["chain"].answer == "It joins iterables." and rows["chain"].cited == (right,)
    assert rows["chain"].metrics["rouge_l"] == 1
    [claim] = rows["chain"].claims
    [evidence] = claim.evidence
    assert claim.supported
    assert documents[evidence.document_id][evidence.start : evidence.end] == evidence.text
    assert evidence.text == "Chain joins iterables into one."
    assert not rows["sort"].claims[0].supported
    found = report.groundedness["rag"]
    assert (found.claims, found.supported, found.own_citations, found.own_citations_right) == (2, 1, 2, 1)
    assert report.arms["rag"].metrics["groundedness"].mean == 0.5
    assert report.arms["rag"].metrics["win_rate"].mean == report.win_rates["rag"].rates["judge:reference"].mean > 0.5

    values = report_json(report, {})
    assert values["win_rates"]["rag"]["against"] == "base"
    assert values["groundedness"]["rag"]["supported"] == 1
    page = write_benchmark_report(config, home, benchmark, report)
    assert "chain.txt, characters 0 to" in page.read_text(encoding="utf-8")


def test_energy_is_measured_where_the_counters_can_be_read_and_kept_with_the_answers(
    config: Config, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    powercap = tmp_path / "powercap"
    write_counter(powercap, "intel-rapl:0", "package-0", 0, 1_000_000_000)
    monkeypatch.setattr(energy, "POWERCAP", powercap)
    benchmark, asked, retrieved, hardware = opened = prepare(config, home)

    def spend(*arguments: Any, **named: Any) -> list[Generation]:
        found: list[Generation] = generate(*arguments, **named)
        used_uj = int((powercap / "intel-rapl:0" / "energy_uj").read_text()) + 3_000_000
        write_counter(powercap, "intel-rapl:0", "package-0", used_uj, 1_000_000_000)
        return found

    monkeypatch.setattr("tasks.models.engines.generate", spend)
    said = answer_as_arms(config, home, benchmark, None, asked, retrieved, hardware)
    assert said.energy_j == {"base": 3.0, "rag": 3.0}
    assert "energy counters" not in capsys.readouterr().err

    # What was generated before cost what it cost then.
    again = answer_as_arms(config, home, benchmark, None, asked, retrieved, hardware)
    assert again.energy_j == said.energy_j
    report = report_on(config, home, opened, said)
    assert report.usages[0].server_energy_j_per_query == 3.0 / 2


def test_where_they_cannot_be_read_that_is_said_once_and_the_report_has_none(
    config: Config, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "none")
    benchmark, asked, retrieved, hardware = opened = prepare(config, home)

    said = answer_as_arms(config, home, benchmark, None, asked, retrieved, hardware)

    assert capsys.readouterr().err.count("the energy counters of this machine cannot be read") == 1
    report = report_on(config, home, opened, said)
    assert {usage.server_energy_j_per_query for usage in report.usages} == {None}


def test_answers_of_both_arms_that_are_the_same_need_no_judge(config: Config, home: Home) -> None:
    benchmark, asked, *_ = prepare(config, home)
    same = ArmAnswers(
        weights_sha256="b" * 64,
        version=None,
        generations=(Generation(text="x", prompt_tokens=1, completion_tokens=1, latency_s=0.1),) * 2,
    )

    against = oppose_arms(config, benchmark, asked.questions, {"base": same, "rag": same})

    assert against == {"rag": []}
    rates = measure_win_rates(config, home, benchmark, against, [], 2)
    assert (rates["rag"].compared, rates["rag"].rates) == (0, {})
