"""How long a large round takes in Argilla: pushing requests, people's responses, and bringing them into the log.

    python tests/bench/bench_argilla.py [--records 10000]

It brings up an embedded Argilla of its own and takes it down again. The responses are imported beside their records,
as Argilla's own time for one, about 0.1 s, is not ours to measure. Peak memory is that of this process, and at the
end that of Argilla's three.
"""

import argparse
import hashlib
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.embedded_argilla.lifecycle import bring_up, examine, take_down
from tasks.feedback import log
from tasks.feedback.argilla_connection import ArgillaConnection, call, connect
from tasks.feedback.argilla_store import dataset_activity, pull_responses, push_requests
from tasks.feedback.ingesting import reconcile
from tasks.feedback.labels import LabelRequest, Suggestion
from tasks.files import write_rows
from tasks.home import Home
from tasks.progress import track
from tasks.records import LabelDataset, Message

RESPONSES_PER_CALL = 250
WORDS = ("the", "function", "returns", "an", "iterator", "over", "every", "element", "that", "was", "passed", "in")


def make_requests(count: int) -> list[LabelRequest]:
    """Requests with two answers of 100 words each, the same ones every time."""
    rng = random.Random(2026)

    def text() -> str:
        return " ".join(rng.choice(WORDS) for _ in range(100))

    return [
        LabelRequest(
            id=hashlib.sha256(f"{place}".encode()).hexdigest(),
            round=1,
            question_id=f"question-{place}",
            prompt=(Message(role="user", content=f"What does function {place} do?"),),
            candidate_a=hashlib.sha256(f"a{place}".encode()).hexdigest(),
            candidate_b=hashlib.sha256(f"b{place}".encode()).hexdigest(),
            answer_a=text(),
            answer_b=text(),
            arms=("rag_ft", "base"),
            why="unsure",
            priority=place + 1,
            suggestion=Suggestion(agent="judge:reference", preference="a", score=0.5),
            judge_confidence=0.5,
        )
        for place in range(count)
    ]


def answer_all(client: Any, dataset_id: str, requests: Sequence[LabelRequest]) -> None:
    """Imports a response to every record."""
    user_id = call(client, "GET", "/api/v1/me")["id"]
    values = {"preference": {"value": "a"}, "reason": {"value": "It is right."}}
    response = {"user_id": user_id, "status": "submitted", "values": values}
    with track("bench: responses", len(requests)) as advance:
        for start in range(0, len(requests), RESPONSES_PER_CALL):
            batch = requests[start : start + RESPONSES_PER_CALL]
            items = [{"external_id": each.id, "responses": [response]} for each in batch]
            call(client, "PUT", f"/api/v1/datasets/{dataset_id}/records/bulk", body={"items": items})
            advance(len(batch))


def ingest(client: Any, home: Home, dataset: LabelDataset, requests: Sequence[LabelRequest]) -> int:
    """Pulls the dataset into the log, as `tasks.feedback.pulling` does; returns how many rows were new."""
    pulled = pull_responses(client, dataset.id)
    rows, _ = reconcile(
        requests,
        pulled.responses,
        log.read_last_words(home, "bench"),
        dataset=dataset,
        present_users=pulled.present_users,
        present_records=pulled.present_records,
        as_of=datetime.now(UTC),
        salt="bench",
    )
    if rows:
        log.append(home, "bench", rows)
    return len(rows)


def measure(name: str, count: int, work: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    """Seconds, records a second and this process's peak memory so far (MB), and what the work returned."""
    started = time.perf_counter()
    result = work()
    elapsed_s = time.perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {
        "step": name,
        "seconds": round(elapsed_s, 2),
        "per_s": round(count / elapsed_s, 1),
        "peak_mb": round(peak_mb),
    }
    return row, result


def main(arguments: Sequence[str]) -> None:
    """Prints one JSON object a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    count = parser.parse_args(arguments).records
    with tempfile.TemporaryDirectory(prefix="ratchet-bench.") as folder:
        home = Home(Path(folder))
        try:
            embedded = bring_up(home, None).connection
            run(home, ArgillaConnection(embedded.url, embedded.api_key, "bench"), make_requests(count))
            services = {health.service: round(health.memory_bytes / 2**20) for health in examine(home)}
            print(json.dumps({"step": "argilla's memory", "mb": services}), flush=True)
        finally:
            take_down(home)


def run(home: Home, connection: ArgillaConnection, requests: Sequence[LabelRequest]) -> None:
    """All steps on a server that holds nothing yet."""
    count = len(requests)

    def report(name: str, work: Callable[[], Any], steps: int = count) -> Any:
        row, result = measure(name, steps, work)
        print(json.dumps(row), flush=True)
        return result

    client = report("connect", lambda: connect(connection), 1)
    guidelines = "Choose."
    pushed = report(
        "push", lambda: push_requests(client, connection, "bench", requests, audit=False, guidelines=guidelines)
    )
    report(
        "push again", lambda: push_requests(client, connection, "bench", requests, audit=False, guidelines=guidelines)
    )
    report("responses", lambda: answer_all(client, pushed.id, requests))
    dataset = LabelDataset(
        id=pushed.id,
        name="bench",
        workspace=connection.workspace,
        url=pushed.url,
        audit=False,
        requests=write_rows(home.objects, requests),
    )
    if (new := report("ingest", lambda: ingest(client, home, dataset, requests))) != count:
        raise RuntimeError(f"{new} responses were ingested of {count}")
    if new := report("ingest again", lambda: ingest(client, home, dataset, requests)):
        raise RuntimeError(f"{new} responses were ingested twice")
    report("look for news", lambda: dataset_activity(client, pushed.id), 1)


if __name__ == "__main__":
    main(sys.argv[1:])
