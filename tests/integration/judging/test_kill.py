"""A judge killed in mid-round: the next one pays for the rest only."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from example_judging import judge_all
from example_records import comparison, question
from scripted_endpoint import ScriptedEndpoint, serve

from tasks.judging.llm_judge import LlmJudge

MakeJudge = Callable[..., LlmJudge]

PAIRS = 30
CONCURRENCY = 3

CHILD = """
import sys
from pathlib import Path
from example_records import comparison, question
from tasks.llm.api_key import ApiKey
from tasks.judging.llm_judge import LlmJudge
from example_judging import judge_all
from tasks.settings.judging import JudgeSettings

url, replies, note, pairs, concurrency = sys.argv[1:]
settings = JudgeSettings(name="scripted", url=url, model="m", concurrency=int(concurrency))
judge = LlmJudge(settings, url, ApiKey(), Path(replies))
comparisons = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(int(pairs))]
judge_all(judge, comparisons, Path(note))
"""


def test_a_kill_in_mid_round_costs_at_most_the_calls_under_way(
    make_judge: MakeJudge, note: Path, tmp_path: Path
) -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with serve(ScriptedEndpoint(delay_s=0.05)) as endpoint:
        judge = make_judge(endpoint, concurrency=CONCURRENCY, budget={"comparisons": PAIRS})
        arguments = [endpoint.url, str(judge.replies), str(note), str(PAIRS), str(CONCURRENCY)]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            stderr=(tmp_path / "child.log").open("w"),
        )
        try:
            deadline = time.monotonic() + 60
            while len(endpoint.asked) < 20:
                assert child.poll() is None and time.monotonic() < deadline, (tmp_path / "child.log").read_text()
                time.sleep(0.005)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        before = len(endpoint.asked)
        assert before < 2 * PAIRS
        comparisons = [comparison("RIGHT", "no", question(f"{number:02}")) for number in range(PAIRS)]
        judged = judge_all(judge, comparisons, note)
    assert judged.counts.judged == PAIRS
    assert 2 * PAIRS <= len(endpoint.asked) <= 2 * PAIRS + CONCURRENCY
    # The budget went on as well: what the killed one paid for is counted.
    assert 2 * PAIRS - CONCURRENCY <= judged.counts.spent.calls <= 2 * PAIRS
    assert judged.counts.spent.comparisons == PAIRS
