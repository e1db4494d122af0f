"""The panel of LLM judges: each asked in its turn, on the endpoint that its settings name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tasks.config import Config
from tasks.feedback.sources import distinct, verdict_feedback
from tasks.home import Home
from tasks.judging.budget import JudgingStage, limits_of
from tasks.judging.judges import Verdict
from tasks.judging.llm_judge import LlmJudge, judge_comparisons, open_judge
from tasks.judging.traces import trace_judgements
from tasks.judging.work import keep_work
from tasks.llm.local_server import serve_gguf
from tasks.records import Comparison, Feedback
from tasks.settings.judging import JudgeSettings


def judge_by_panel(
    config: Config, home: Home, comparisons: Sequence[Comparison], folder: Path, round_number: int, stage: JudgingStage
) -> list[Feedback]:
    """What the config's LLM judges say of the comparisons, as far as their budgets reach; nothing without a judge.

    What they were paid for is kept as it comes, so asking again after a failure costs what is missing.

    Args:
        comparisons: the most wanted first.
        folder: the round's; holds what each stage has spent on each judge, and what became of the comparisons.
        stage: the stage that asks; each has its share of a judge's budget.

    Raises:
        ConfigError: when a judge's key cannot be read.
        EndpointError: when an endpoint refuses to judge.
        UnreachableError: when one does not answer.
        HomeError: when the disk is full or not writable.
    """
    asked = distinct(comparisons)
    feedback: list[Feedback] = []
    for settings in config.judges if asked else ():
        with endpoint_of(settings, home) as url:
            judge = open_judge(settings, home, url)
            verdicts = ask(config, home, judge, asked, folder, stage)
        feedback += verdict_feedback(judge.name, asked, verdicts, round_number)
    return feedback


def ask(
    config: Config, home: Home, judge: LlmJudge, comparisons: Sequence[Comparison], folder: Path, stage: JudgingStage
) -> tuple[Verdict | None, ...]:
    """One judge's verdicts in the order of the comparisons, each of them a trace in MLflow; None where it has none."""
    note = folder / "spent" / stage / f"{judge.settings.name}.journal"
    limits = limits_of(judge.settings.budget, stage)
    with trace_judgements(config, home, judge) as trace:
        judged = judge_comparisons(judge, comparisons, note, limits, trace)
    keep_work(folder, stage, judge, judged.counts)
    return judged.verdicts


@contextmanager
def endpoint_of(settings: JudgeSettings, home: Home) -> Iterator[str]:
    """The address of the judge's endpoint; one that is embedded runs while the block does."""
    if settings.url != "embedded":
        yield settings.url
        return
    with serve_gguf(settings.model, home) as url:
        yield url
