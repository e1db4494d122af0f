"""A round as it could have been: real docstrings, answers damaged at random, real scores and intervals."""

import inspect
import itertools
import json
import math
import os.path
import random
import shutil
import statistics
import subprocess
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_decisions import gate_evidence, promotion_decision
from example_superiority import not_proven, superiority
from numpy.typing import NDArray

from tasks.evaluation.intervals import bootstrap_mean, paired_difference
from tasks.evaluation.metrics import METRICS, score_answers
from tasks.records import (
    Adapter,
    AnswerRow,
    ArmReport,
    ArmResult,
    BaseModelRef,
    Certificate,
    Check,
    FileRef,
    Latency,
    ModelVersion,
    PairedDifference,
    PromotionDecision,
    TokenCounts,
)
from tasks.words import split_words

CLOSED_PORT = "http://127.0.0.1:9"
# How many of a reference's words an arm gets right.
SKILL = {"base": 0.15, "champion": 0.4, "challenger": 0.7}
FILLER = ("a", "function", "that", "returns", "the", "given", "object", "as", "if", "it", "were", "some", "kind", "of")
BASE = BaseModelRef(id="smollm2-135m-instruct", path="/models/smollm2", sha256="b" * 64)
CHAMPION = ModelVersion(name="python-stdlib", version=3, base=BASE)


@dataclass(frozen=True)
class SampleRound:
    """Everything a report is written from."""

    report: ArmReport
    decision: PromotionDecision
    answers: tuple[AnswerRow, ...]
    provenance: Mapping[str, Any]
    curves: Mapping[str, Sequence[tuple[int, float]]]


@pytest.fixture
def make_round() -> Callable[..., SampleRound]:
    """Builds a round: `make_round(questions=80, skill=..., extra=[(question, reference, answer)])`."""
    return build_round


def build_round(
    questions: int = 80,
    skill: Mapping[str, float] = SKILL,
    extra: Sequence[tuple[str, str, str]] = (),
    needed: int = 30,
) -> SampleRound:
    rng = random.Random(2026)
    asked = _stdlib_questions()[: questions - len(extra)] + [(question, reference) for question, reference, _ in extra]
    references = [reference for _, reference in asked]
    rows: dict[str, list[AnswerRow]] = {}
    for arm, share in skill.items():
        answers = [_damage(reference, share, rng) for reference in references]
        if extra:
            answers[-len(extra) :] = [answer for _, _, answer in extra]
        scores = score_answers(answers, references, _embed_by_words)
        rows[arm] = [
            AnswerRow(
                question_id=f"q{place:03d}",
                arm=arm,
                question=asked[place][0],
                reference=asked[place][1],
                answer=answers[place],
                contexts=(f"{asked[place][1]} See also the manual.",) if place % 7 == 0 else (),
                metrics=scores[place],
            )
            for place in range(len(asked))
        ]
    report = _report(rows)
    return SampleRound(report, _decide(report, needed), tuple(itertools.chain(*rows.values())), PROVENANCE, _curves())


PROVENANCE: Mapping[str, Any] = {
    "git_commit": "c2da93e5b1f0d7a4e9a2c6d3",
    "config_sha256": "4d" * 32,
    "seed": 0,
    "bootstrap_resamples": 1000,
    "versions": {"python": "3.11.7", "torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0", "peft": "0.21.2"},
    "hardware": {"device": "cpu", "dtype": "float32", "threads": 2},
}


def _stdlib_questions() -> list[tuple[str, str]]:
    modules = (itertools, json, math, os.path, random, shutil, statistics, textwrap, inspect)
    found: dict[str, tuple[str, str]] = {}
    for module in modules:
        for name, value in sorted(vars(module).items()):
            summary = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
            if not name.startswith("_") and callable(value) and 30 <= len(summary) <= 220:
                found.setdefault(summary, (f"What does `{module.__name__}.{name}` do in Python?", summary))
    return list(found.values())


def _damage(reference: str, share: float, rng: random.Random) -> str:
    """The reference with about this share of its words kept, and others in their place; now and then it is whole."""
    if rng.random() < share / 2:
        return reference
    words = [word if rng.random() < share else rng.choice(FILLER) for word in reference.split()]
    return " ".join(words) if rng.random() > 0.02 else ""


def _embed_by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    rows = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in split_words(text):
            row[sum(word.encode()) % 64] += 1.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _report(rows: Mapping[str, Sequence[AnswerRow]]) -> ArmReport:
    comparisons = tuple(
        _compare(rows, arm, against, metric) for against, arm in itertools.combinations(rows, 2) for metric in METRICS
    )
    return ArmReport(
        domain="python-stdlib",
        round=4,
        questions=len(rows["challenger"]),
        test_set_sha256="7" * 64,
        arms={arm: _arm(place, arm, answers) for place, (arm, answers) in enumerate(rows.items())},
        comparisons=comparisons,
        challenger=_adapter(),
        champion=CHAMPION,
        answers=FileRef(sha256="a" * 64, rows=sum(map(len, rows.values()))),
    )


def _compare(rows: Mapping[str, Sequence[AnswerRow]], arm: str, against: str, metric: str) -> PairedDifference:
    scores = [[row.metrics[metric] for row in rows[name]] for name in (arm, against)]
    return paired_difference(*scores, arm=arm, against=against, metric=metric, resamples=1000, seed=0)


def _arm(place: int, arm: str, rows: Sequence[AnswerRow]) -> ArmResult:
    return ArmResult(
        weights_sha256="cde"[place] * 64,
        version={"base": 1, "champion": 3}.get(arm),
        metrics={name: bootstrap_mean([row.metrics[name] for row in rows], 1000, 0) for name in METRICS},
        tokens=TokenCounts(prompt=41 * len(rows), completion=sum(len(row.answer) // 4 for row in rows)),
        latency_s=Latency(p50=1.61 + place / 10, p95=2.94 + place / 8),
    )


def _adapter() -> Adapter:
    return Adapter(
        sha256="e" * 64,
        base=BASE,
        snapshot_sha256="5" * 64,
        parent_sha256="d" * 64,
        dpo_reference=f"sft:{'f' * 64}",
        round=4,
        demonstrations=320,
        preference_pairs=148,
        train_tokens=48_213,
        train_s=264.2,
        mlflow_run_id="0f6c2a9d1e",
        losses=FileRef(sha256="9" * 64, rows=117),
    )


def _decide(report: ArmReport, needed: int) -> PromotionDecision:
    [comparison] = [
        c for c in report.comparisons if (c.arm, c.against, c.metric) == ("challenger", "champion", "rouge_l")
    ]
    low, high = comparison.ci95
    checks = (
        Check(
            name="enough_test_questions",
            passed=report.questions >= needed,
            sentence=f"{report.questions} test questions were answered (at least {needed} needed).",
            evidence={"questions": report.questions, "needed": needed},
        ),
        Check(
            name="better_than_champion",
            passed=low > 0,
            sentence=f"The challenger {'is' if low > 0 else 'is not proven'} better than champion on rouge_l: "
            f"{comparison.difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}).",
            evidence={"metric": "rouge_l", "difference": comparison.difference, "ci95": [low, high]},
        ),
        Check(
            name="same_model",
            passed=True,
            sentence="The registered model is the model that was evaluated: loaded back, its logits differ by 2e-06.",
            evidence={"max_difference": 2e-6, "allowed": 1e-3},
        ),
    )
    certificate = Certificate(checks=checks)
    challenger = CHAMPION.model_copy(update={"version": 4, "adapter": report.challenger})
    evidence = gate_evidence(
        questions=report.questions,
        comparison=comparison,
        superiority=superiority() if low > 0 else not_proven(),
        max_logit_difference=2e-6,
        compared_with=CHAMPION.version,
        champion_now=CHAMPION.version,
        challenger=challenger.version,
    )
    return promotion_decision(challenger, CHAMPION, round=4, evidence=evidence, certificate=certificate)


def _curves() -> Mapping[str, Sequence[tuple[int, float]]]:
    rng = random.Random(4)
    return {
        "sft": [(step, 0.9 + 2.4 * math.exp(-step / 18) + rng.gauss(0, 0.06)) for step in range(1, 81)],
        "dpo": [(step, 0.42 + 0.27 * math.exp(-step / 12) + rng.gauss(0, 0.02)) for step in range(1, 38)],
    }


@dataclass(frozen=True)
class Visit:
    """What the browser made of a page: the DOM after its scripts ran, and what it wrote to its console."""

    dom: str
    console: tuple[str, ...]


@pytest.fixture
def visit(chromium: str, tmp_path: Path) -> Callable[[Path], Visit]:
    """Opens a file with every network request refused."""

    def open_page(page: Path) -> Visit:
        command = [
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={tmp_path / 'profile'}",
            *(f"--proxy-server={CLOSED_PORT}", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--window-size=1280,1000"),
            *("--dump-dom", page.as_uri()),
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return Visit(result.stdout, tuple(line for line in result.stderr.splitlines() if "CONSOLE" in line))

    return open_page
