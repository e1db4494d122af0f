"""How long a large round takes in Argilla: pushing requests, people's responses, and pulling them.

    python tests/bench/bench_argilla.py URL API_KEY [--records 10000]

Run it against an embedded Argilla (`ratchet argilla up`, `ratchet argilla status --json`) or any other. The responses
are submitted through the endpoint that the labelling page uses, so their time is Argilla's alone. Peak memory is that
of this process.
"""

import argparse
import hashlib
import json
import random
import resource
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from tasks.feedback.argilla_connection import ArgillaConnection, call, connect
from tasks.feedback.argilla_store import dataset_activity, pull_responses, push_requests
from tasks.feedback.labels import LabelRequest, Suggestion
from tasks.progress import track
from tasks.records import Message

RESPONSES_PER_CALL = 100  # the server's limit
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


def answer_all(client: Any, dataset_id: str, count: int) -> None:
    """Submits a response to every record."""
    root = f"/api/v1/datasets/{dataset_id}/records"
    pages = (call(client, "GET", root, params={"limit": 1000, "offset": start}) for start in range(0, count, 1000))
    ids = [record["id"] for page in pages for record in page["items"]]
    with track("bench: responses", count) as advance:
        for start in range(0, count, RESPONSES_PER_CALL):
            values = {"preference": {"value": "a"}, "reason": {"value": "It is right."}}
            batch = ids[start : start + RESPONSES_PER_CALL]
            items = [{"record_id": each, "status": "submitted", "values": values} for each in batch]
            given = call(client, "POST", "/api/v1/me/responses/bulk", body={"items": items})["items"]
            if failed := [each["error"] for each in given if each["error"]]:
                raise RuntimeError(f"{len(failed)} responses were refused, the first because of {failed[0]}")
            advance(len(batch))


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
    parser.add_argument("url")
    parser.add_argument("api_key")
    parser.add_argument("--records", type=int, default=10_000)
    chosen = parser.parse_args(arguments)
    count = chosen.records
    connection = ArgillaConnection(chosen.url, chosen.api_key, f"bench-{uuid.uuid4().hex[:8]}")
    requests = make_requests(count)

    def report(name: str, work: Callable[[], Any], steps: int = count) -> Any:
        row, result = measure(name, steps, work)
        print(json.dumps(row), flush=True)
        return result

    def push() -> Any:
        return push_requests(client, connection, "bench", requests, audit=False, guidelines="Choose.")

    client = report("connect", lambda: connect(connection), 1)
    pushed = report("push", push)
    report("push again", push)
    report("submit responses", lambda: answer_all(client, pushed.id, count))
    pulled = report("pull", lambda: pull_responses(client, pushed.id))
    if len(pulled.responses) != count:
        raise RuntimeError(f"{len(pulled.responses)} responses were pulled of {count}")
    report("look for news", lambda: dataset_activity(client, pushed.id), 1)
    call(client, "DELETE", f"/api/v1/datasets/{pushed.id}")


if __name__ == "__main__":
    main(sys.argv[1:])
