"""benchmark: retrieval, fine-tuning, or both? The four arms on the same unseen questions, and what each is worth."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from flows.environment import prepare_environment
from flows.retries import network_task, plain_task
from tasks.config import load_config
from tasks.evaluation.benchmark.answers import answer_as_arms
from tasks.evaluation.benchmark.asked import choose_questions
from tasks.evaluation.benchmark.compare import compare_as_arms
from tasks.evaluation.benchmark.contexts import retrieve_contexts
from tasks.evaluation.benchmark.mlflow_runs import log_benchmark
from tasks.evaluation.benchmark.plan import open_benchmark
from tasks.evaluation.benchmark.report import write_benchmark_report
from tasks.evaluation.benchmark.win_rates import (
    judging_folder,
    measure_win_rates,
    oppose_arms,
    round_of,
    to_judge,
)
from tasks.feedback.collecting import judge_by_reference
from tasks.home import find_home, lock
from tasks.judging.panel import judge_by_panel
from tasks.models.hardware import choose_hardware, use_threads
from tasks.registry.fetching import download_adapter

plan = network_task(open_benchmark, "find out what is compared")
fetch_adapter = network_task(download_adapter, "fetch the adapter")
retrieve = network_task(retrieve_contexts, "index the documents and retrieve the passages")
answer = plain_task(answer_as_arms, "answer the test questions as each arm")
refer = plain_task(judge_by_reference, "judge by the reference answers")
convene = network_task(judge_by_panel, "judge by LLMs")
weigh = plain_task(measure_win_rates, "measure the win rates")
compare = plain_task(compare_as_arms, "score, test and cost the arms")
write = plain_task(write_benchmark_report, "write the report")
log = network_task(log_benchmark, "log the report to MLflow")


@flow(name="benchmark", validate_parameters=False)
def benchmark(config_path: str, arms: Sequence[str], version: int | None = None) -> str:
    """Compares the arms and returns the path of the report's page.

    Args:
        config_path: the domain's config file.
        arms: of base, rag, ft and rag_ft, in this order.
        version: whose adapter ft and rag_ft use; None: the champion's, or that of the newest trained version.

    Raises:
        RatchetError: when an arm lacks what it needs, or a stage cannot do its work.
    """
    config, home = load_config(Path(config_path)), find_home()
    prepare_environment(home)  # a deployment runs the flow in a process of its own, without the command line
    with lock(home, f"a benchmark of {config.name}"):
        hardware = choose_hardware(config.model)
        use_threads(hardware)
        compared = plan(config, home, arms, version)
        asked = choose_questions(config, home, compared.domain)
        adapter_folder = fetch_adapter(config, home, compared.version) if compared.version else None
        retrieved = retrieve(config, home, compared, asked, hardware) if compared.retrieves else None
        said = answer(config, home, compared, adapter_folder, asked, retrieved, hardware)
        opposed = oppose_arms(config, compared, asked.questions, said.answers)
        comparisons = to_judge(opposed)
        verdicts = refer(config, home, comparisons, hardware, round_of(compared))
        folder = judging_folder(home, compared)
        verdicts += convene(config, home, comparisons, folder, round_of(compared), "evaluate")
        win_rates = weigh(config, home, compared, opposed, verdicts, len(asked.questions))
        report = compare(config, home, compared, asked, said, retrieved, win_rates, hardware)
        page = write(config, home, compared, report)
        log(config, home, compared, report, page)
    return str(page)
