"""The judge and a real LLM server: the embedded model in llama.cpp, through the same client as any other endpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from example_judging import judge_all
from example_records import comparison, question

from tasks.home import Home
from tasks.judging.llm_judge import open_judge
from tasks.llm.local_server import serve_gguf
from tasks.settings.judging import JudgeSettings

ASKED = question("gcd", "Greatest common divisor.", text="What does math.gcd do in Python?")
PAIR = comparison("Returns the greatest common divisor of the integers.", "It opens a file.", ASKED)
ENDLESS = comparison("on and on " * 20_000, "It opens a file.", ASKED)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_gguf("smollm2-135m-instruct", Home(tmp_path_factory.mktemp("home")), slots=1) as url:
        yield url


@pytest.mark.parametrize("method", ["pairwise", "rubric"])
def test_a_real_model_gives_verdicts_by_the_schema_and_is_paid_for_once(
    method: str, server: str, ratchet_home: Path, note: Path
) -> None:
    settings = JudgeSettings.model_validate({"name": "local", "method": method, "timeout_s": 300, "retries": 0})
    judge = open_judge(settings, Home(ratchet_home), server)
    judged = judge_all(judge, [ENDLESS, PAIR], note)
    nothing, verdict = judged.verdicts
    assert nothing is None and judged.counts.skipped["too_long"] == 1
    assert verdict is not None and verdict.reason
    spent = judged.counts.spent
    assert spent.calls >= 2 and spent.estimated_calls == 0
    # The bound that budgets rest on, against a real tokenizer.
    assert 100 * spent.calls < spent.prompt_tokens < 2_000 * spent.calls
    again = judge_all(judge, [PAIR], note)
    assert again.verdicts == (verdict,) and again.counts.kept == 1 and again.counts.spent == spent
