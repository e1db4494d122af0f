"""benchmark: retrieval, fine-tuning, or both? The four arms on the same unseen questions, and what each is worth."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from flows.environment import prepare_environment
from flows.retries import network_task, plain_task
from tasks.config import load_config
from tasks.domain.loading import frozen_test_set
from tasks.evaluation.benchmark.answers import answer_as_arms
from tasks.evaluation.benchmark.compare import compare_as_arms
from tasks.evaluation.benchmark.contexts import index_documents, retrieve_contexts
from tasks.evaluation.benchmark.mlflow_runs import log_benchmark
from tasks.evaluation.benchmark.plan import open_benchmark
from tasks.evaluation.benchmark.report import write_benchmark_report
from tasks.home import find_home, lock
from tasks.models.hardware import choose_hardware, use_threads
from tasks.registry.fetching import download_adapter

plan = network_task(open_benchmark, "find out what is compared")
fetch_adapter = network_task(download_adapter, "fetch the adapter")
index = plain_task(index_documents, "index the documents")
retrieve = plain_task(retrieve_contexts, "retrieve the passages")
answer = plain_task(answer_as_arms, "answer the test questions as each arm")
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
        questions = frozen_test_set(home, compared.domain, config.evaluate.max_questions)
        adapter_folder = fetch_adapter(config, home, compared.version) if compared.version else None
        retrieved = None
        if compared.retrieves:
            indexed = index(config, home, compared.domain, hardware)
            retrieved = retrieve(config, home, compared.base, indexed, questions, hardware)
        answers = answer(config, home, compared, adapter_folder, questions, retrieved, hardware)
        report = compare(config, home, compared, questions, answers, retrieved, hardware)
        page = write(config, home, compared, report)
        log(config, home, compared, report, page)
    return str(page)
