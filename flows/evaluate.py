"""evaluate: base, champion and challenger on the frozen test set."""

from prefect import flow

from flows.artifacts import publish_metrics
from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.domain.loading import frozen_test_set
from tasks.evaluation.answering import answer_arms
from tasks.evaluation.arms import report_arms
from tasks.evaluation.head_to_head import keep_head_to_head, oppose
from tasks.evaluation.round_report import write_round_report
from tasks.evaluation.skill_answers import answer_skills
from tasks.feedback.asking import choose_test_requests, push_label_requests
from tasks.feedback.collecting import judge_by_reference
from tasks.judging.panel import judge_by_panel
from tasks.models.hardware import choose_hardware
from tasks.records import Adapter, ArmReport
from tasks.registry.fetching import download_adapter

fetch_champion = network_task(download_adapter, "fetch the champion's adapter")
answer = plain_task(answer_arms, "answer the test questions")
practise = plain_task(answer_skills, "answer the questions of the skills")
compare = plain_task(report_arms, "score and compare the arms")
refer = plain_task(judge_by_reference, "judge by the reference answers")
convene = network_task(judge_by_panel, "judge by LLMs")
push = network_task(push_label_requests, "push to Argilla")
keep = plain_task(keep_head_to_head, "keep what was said of challenger and champion")
write = plain_task(write_round_report, "write the report")


@flow(name="evaluate", validate_parameters=False)
def evaluate(context: RoundContext, adapter: Adapter) -> ArmReport:
    """Every arm's metrics with intervals, and the paired comparisons; the report lies in the round's folder.

    Judges say which answer is better, the challenger's or the champion's, and people are asked about some of them.
    """
    config, home, opened = context.config, context.home, context.opened
    questions = frozen_test_set(home, opened.domain, config.evaluate.max_questions)
    hardware = choose_hardware(config.model)
    champion_folder = fetch_champion(config, home, opened.champion)
    arms = answer(config, home, opened.champion, champion_folder, adapter, questions, hardware)
    comparisons = oppose(config, opened, questions, arms)
    verdicts = refer(config, home, comparisons, hardware, opened.number)
    verdicts += convene(config, home, comparisons, context.folder, opened.number, "evaluate")
    datasets = push(config, home, opened, choose_test_requests(config, opened, comparisons))
    skills = practise(config, home, opened, champion_folder, adapter, questions, hardware)
    report = compare(config, home, opened, adapter, questions, arms, hardware, skills)
    report = keep(home, report, comparisons, verdicts, datasets)
    path = write(config, home, opened, report, None)
    publish_metrics(report, path)
    return report
