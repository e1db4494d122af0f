"""What the benchmark's page shows of answers: who wins, which claims stand, who abstains, and examples."""

from collections.abc import Sequence
from typing import Any

from tasks.evaluation.benchmark.view_figures import format_share, show_cell
from tasks.evaluation.report_examples import QuestionAnswers
from tasks.evaluation.report_text import arm_label, count_of
from tasks.evaluation.report_view import show_example
from tasks.evaluation.report_win_rates import describe_rate, show_rate
from tasks.records import ArmGroundedness, BenchmarkAnswer, BenchmarkReport, Claim, Refrained


def show_win_rates(report: BenchmarkReport) -> list[dict[str, Any]]:
    """A table for each arm but the first: its win rates by judge, and what they are worth."""
    return [
        {
            "title": f"{arm_label(arm)} against {arm_label(found.against)}",
            "compared": _what_was_compared(found.compared, report.questions),
            "rows": [show_rate(source, rate, source == found.best) for source, rate in found.rates.items()],
            "notes": [describe_rate(source, rate) for source, rate in found.rates.items()],
        }
        for arm, found in report.win_rates.items()
    ]


def show_groundedness(report: BenchmarkReport) -> list[dict[str, Any]]:
    """A row for each arm that retrieves."""
    return [
        {
            "label": arm_label(arm),
            "share": show_cell("Groundedness", found.share) if found.share else None,
            "claims": f"{found.supported:,} of {found.claims:,}",
            "several": f"{found.several_documents:,}",
            "own": _own_citations(found),
        }
        for arm, found in report.groundedness.items()
    ]


def show_abstention(report: BenchmarkReport) -> list[dict[str, Any]]:
    """A row for each arm; none where no question is unanswerable and no arm ever abstained."""
    told = any(found.unanswerable.questions or found.answerable.abstained for found in report.abstention.values())
    return [
        {"label": arm_label(arm), "cells": [_refrained(found.unanswerable), _refrained(found.answerable)]}
        for arm, found in report.abstention.items()
        if told
    ]


def show_answers(example: QuestionAnswers, arms: Sequence[str], metric: str) -> dict[str, Any]:
    """A row of the examples, with the claims of each answer and where they stand."""
    shown = show_example(example, arms, metric)
    for arm, cell in zip(arms, shown["cells"], strict=True):
        row = example.answers.get(arm)
        answer = row if isinstance(row, BenchmarkAnswer) else None
        cell["claims"] = [_show_claim(claim) for claim in answer.claims] if answer else []
        cell["cited"] = [f"[{number}]" for number in answer.cited] if answer else []
        cell["abstained"] = answer.abstained if answer else False
    return shown


def _what_was_compared(compared: int, questions: int) -> str:
    if not compared:
        return "The answers to all test questions are the same: ties that nobody need judge."
    ties = f"; {count_of(questions - compared, 'question')} with equal answers: ties" if compared < questions else ""
    return f"{count_of(compared, 'test question')} with different answers{ties}."


def _own_citations(found: ArmGroundedness) -> str:
    if not found.answers_citing:
        return "none"
    right = f", {found.own_citations_right} of {found.own_citations} right" if found.own_citations else ""
    return f"{count_of(found.answers_citing, 'answer')}{right}"


def _refrained(found: Refrained) -> dict[str, str]:
    if found.share is None:
        return {"share": "–", "interval": "no such questions"}
    low, high = found.share.ci95
    return {
        "share": f"{found.abstained} of {found.questions}",
        "interval": f"{format_share(low)} to {format_share(high)}",
    }


def _show_claim(claim: Claim) -> dict[str, Any]:
    return {
        "text": claim.text,
        "supported": claim.supported,
        "support": format_share(claim.support),
        "evidence": [
            {
                "number": f"[{each.passage}]",
                "place": f"{each.document_id}, characters {each.start} to {each.end}",
                "text": each.text,
            }
            for each in claim.evidence
        ],
    }
