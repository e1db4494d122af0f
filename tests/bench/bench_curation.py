"""Figures of curation: from EVENTS judgements to a snapshot, and from 1,000 more to the next one.

The log is drawn from a seed: questions with four candidates each, two judges, 50 people, end users with thumbs and
edits, corrections and retractions, and something to scrub in a fiftieth of the texts. Near-duplicates and embeddings
are off; they have figures of their own.

    python tests/bench/bench_curation.py [EVENTS]
"""

import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steps import main_or_step, run_step

os.environ.setdefault("POLARS_MAX_THREADS", "2")

EVENTS = 1_000_000
EVENTS_PER_QUESTION = 10
CANDIDATES = 4
SEGMENT = 10_000
MORE = 1000
MORE_QUESTIONS = 170
PEOPLE = 50
WORDS = 4000
LIMITS = {  # seconds, megabytes
    "build": (60.0, 2000.0),
    "add": (5.0, 2000.0),
    "planning": (1.5, 2000.0),
    "planning_news": (1.5, 2000.0),
}

_START = datetime(2026, 1, 1, tzinfo=UTC)
_LETTERS = str.maketrans("0123456789abcdef", "etaoinshrdlucmfw")
_VOCABULARY = [hashlib.sha256(str(n).encode()).hexdigest()[: 3 + n % 8].translate(_LETTERS) for n in range(WORDS)]


def main() -> None:
    """Prints the figures, and the same as one JSON object in the last line."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as name:
        run_step(name, "prepare", events)
        figures = {
            "events": events,
            "build": run_step(name, "build"),
            "again": run_step(name, "build"),
            "more": run_step(name, "more", events),
            "planning_news": run_step(name, "plan"),
            "add": run_step(name, "build"),
        }
        figures["planning"] = run_step(name, "plan")
        figures["from_scratch_is_the_same"] = (
            run_step(name, "forget_and_build")["snapshot"] == figures["add"]["snapshot"]
        )
    for step in ("build", "again", "add", "planning", "planning_news"):
        figure = figures[step]
        print(f"{step:13} {figure['seconds']:7.2f} s, {figure['peak_resident_mb']:6.0f} MB resident at most")
    print(json.dumps(figures))
    for step, (seconds, megabytes) in LIMITS.items():
        if figures[step]["seconds"] > seconds or figures[step]["peak_resident_mb"] > megabytes:
            print(f"{step}: more than {seconds:g} s or {megabytes:g} MB")


def prepare(folder: Path, events: int) -> dict[str, Any]:
    """Writes questions, candidates and the log."""
    from tasks.files import write_rows
    from tasks.home import Home

    home = Home(folder)
    questions = events // EVENTS_PER_QUESTION
    asked = write_rows(home.objects, (question(n) for n in range(questions)))
    files = [
        write_rows(home.objects, (row for n in range(start, min(start + 1000, questions)) for row in candidates(n)))
        for start in range(0, questions, 1000)
    ]
    rng = random.Random(0)
    for start in range(0, events, SEGMENT):
        append(home, judgements(rng, (rng.randrange(questions) for _ in range(min(SEGMENT, events - start)))))
    given = {"questions": asked.model_dump(), "candidates": [file.model_dump() for file in files]}
    (folder / "given.json").write_text(json.dumps(given))
    return {"segments": len(list(home.feedback_log("d").glob("*.jsonl")))}


def more(folder: Path, events: int) -> dict[str, Any]:
    """Appends MORE judgements on MORE_QUESTIONS questions."""
    from tasks.home import Home

    rng = random.Random(1)
    about = rng.sample(range(events // EVENTS_PER_QUESTION), MORE_QUESTIONS)
    append(Home(folder), judgements(rng, (rng.choice(about) for _ in range(MORE))))
    return {}


def build(folder: Path) -> dict[str, Any]:
    """The snapshot of all that is there."""
    from tasks.config import Config
    from tasks.curation.curate import curate
    from tasks.home import Home
    from tasks.records import FileRef

    given = json.loads((folder / "given.json").read_text())
    candidates = [FileRef.model_validate(file) for file in given["candidates"]]
    config = Config.model_validate(
        {
            "name": "d",
            "questions": "q.jsonl",
            "root": folder,
            "curate": {"near_duplicates": None, "decontamination": {"similarity": None}},
        }
    )
    started = time.perf_counter()
    snapshot = curate(Home(folder), "d", [FileRef.model_validate(given["questions"])], candidates, config)
    rows = {name: getattr(snapshot, name).rows for name in ("demonstrations", "preference_pairs", "rated_answers")}
    return {"seconds": time.perf_counter() - started, "snapshot": snapshot.sha256, **rows}


def forget_and_build(folder: Path) -> dict[str, Any]:
    """The same without what was kept from before."""
    import shutil

    shutil.rmtree(folder / "curation")
    return build(folder)


def plan(folder: Path) -> dict[str, Any]:
    """Whether there is anything new to learn from."""
    from tasks.curation.incremental.digests import log_sha256
    from tasks.home import Home

    started = time.perf_counter()
    log_sha256(Home(folder), "d")
    return {"seconds": time.perf_counter() - started}


def append(home: Any, lines: Iterator[dict[str, Any]]) -> None:
    """One more segment of the log, in the bytes of `log.append`, without a record for each line."""
    from tasks.files import write_rows

    write_rows(home.feedback_log("d"), sorted(lines, key=lambda line: str(line["id"])))


def sha256(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def text(name: object, words: int) -> str:
    rng = random.Random(str(name))
    written = rng.choices(_VOCABULARY, k=words)
    if rng.random() < 0.02:  # something to scrub
        written.append(f"{written[0]}@example.org or +49 30 {rng.randrange(10**6, 10**7)}")
    return " ".join(written) + "."


def question(n: int) -> dict[str, Any]:
    return {
        "id": f"q-{n:07}",
        "question": f"What is {text(('question', n), 8)}",
        "answer": text(("answer", n), 25) if n % 5 else None,
        "family": f"f-{n // 2:07}",
        "split": "test" if n % 20 == 0 else "train",
        "sources": [],
        "metadata": {},
    }


def candidates(n: int) -> Iterator[dict[str, Any]]:
    for seed in range(CANDIDATES):
        yield {
            "id": sha256(n, seed),
            "question_id": f"q-{n:07}",
            "text": text(("candidate", n, seed), 15 + (n + seed) % 40),
            "arm": "base",
            "weights_sha256": "0" * 64,
            "temperature": 0.8,
            "seed": seed,
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "latency_s": 0.1,
        }


def judgements(rng: random.Random, about: Iterator[int]) -> Iterator[dict[str, Any]]:
    """A judgement on each of these questions: half by judges, a third by people, the rest by end users."""
    for n in about:
        kind, a = rng.random(), rng.randrange(CANDIDATES)
        b = rng.choice([each for each in range(CANDIDATES) if each != a])
        judge = f"judge:{'reference' if kind < 0.25 else 'llm@1'}"
        person = f"p{rng.randrange(PEOPLE)}" if kind < 0.85 else f"u{rng.randrange(20_000)}"
        single = kind >= 0.85
        b = a if single else b
        by, annotator = (judge, None) if kind < 0.5 else ("end_user" if single else "human", sha256(person))
        moment = _START + timedelta(seconds=rng.randrange(10_000_000))
        corrects = annotator is not None and rng.random() < 0.05
        yield {
            "annotator": annotator,
            "audit": annotator is not None and rng.random() < 0.1,
            "both_orders": ["a", "b"] if by == "judge:llm@1" else None,
            "candidate_a": sha256(n, a),
            "candidate_b": sha256(n, b),
            "confidence": 1.0 if annotator else round(rng.random(), 3),
            "correction": text(("correction", rng.random()), 25) if corrects else None,
            "given_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ") if annotator else None,
            "id": sha256(by, annotator, n, *sorted((a, b))),
            "preference": "tie" if single else rng.choices(("a", "b", "tie", "both_bad"), (5, 3, 1, 1))[0],
            "question_id": f"q-{n:07}",
            "rating": rng.choice(("up", "down")) if single else None,
            "reason": text(("reason", rng.random()), 12) if by == "judge:llm@1" else None,
            "retracted": annotator is not None and rng.random() < 0.01,
            "round": 1 + rng.randrange(5),
            "source": by,
            "swap_inconsistent": False,
        }


if __name__ == "__main__":
    steps = (prepare, build, more, forget_and_build, plan)
    main_or_step(main, {step.__name__: step for step in steps})
