"""evaluate: base, champion and challenger on the frozen test set."""

from prefect import flow

from flows.artifacts import publish_metrics
from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.domain.loading import frozen_test_set
from tasks.evaluation.answering import answer_arms
from tasks.evaluation.arms import report_arms
from tasks.evaluation.round_report import write_round_report
from tasks.models.hardware import choose_hardware
from tasks.records import Adapter, ArmReport
from tasks.registry.fetching import download_adapter

fetch_champion = network_task(download_adapter, "fetch the champion's adapter")
answer = plain_task(answer_arms, "answer the test questions")
compare = plain_task(report_arms, "score and compare the arms")
write = plain_task(write_round_report, "write the report")


@flow(name="evaluate", validate_parameters=False)
def evaluate(context: RoundContext, adapter: Adapter) -> ArmReport:
    """Every arm's metrics with intervals, and the paired comparisons; the report lies in the round's folder."""
    config, home, opened = context.config, context.home, context.opened
    questions = frozen_test_set(home, opened.domain, config.evaluate.max_questions)
    hardware = choose_hardware(config.model)
    champion_folder = fetch_champion(config, home, opened.champion)
    arms = answer(config, home, opened.champion, champion_folder, adapter, questions, hardware)
    report = compare(config, home, opened, adapter, questions, arms, hardware)
    path = write(config, home, opened, report, None)
    publish_metrics(report, path)
    return report
