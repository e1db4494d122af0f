"""collect: sample candidates from the champion, have them judged, put some before people, log the feedback."""

from functools import partial

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.domain.loading import read_split
from tasks.feedback.asking import choose_label_requests, push_label_requests
from tasks.feedback.candidates import choose_questions, sample_candidates
from tasks.feedback.collecting import compare_candidates, judge_by_reference, keep_batch, sampled_once
from tasks.feedback.drawing import in_order_of_draw
from tasks.judging.panel import judge_by_panel
from tasks.models.hardware import choose_hardware
from tasks.monitoring.proposals import draw_proposals
from tasks.records import FeedbackBatch
from tasks.registry.fetching import download_adapter

fetch_champion = network_task(download_adapter, "fetch the champion's adapter")
sample = plain_task(sample_candidates, "sample candidates")
refer = plain_task(judge_by_reference, "judge by the reference answers")
convene = network_task(judge_by_panel, "judge by LLMs")
propose = plain_task(draw_proposals, "draw questions of production")
choose = plain_task(choose_label_requests, "choose what people see")
push = network_task(push_label_requests, "push to Argilla")


@flow(name="collect", validate_parameters=False)
def collect(context: RoundContext) -> FeedbackBatch:
    """The round's candidates and the judges' feedback on them; people are asked, and not waited for."""
    config, home, opened = context.config, context.home, context.opened
    train_questions = read_split(home, opened.domain, "train")
    proposed = propose(config, home, opened, context.folder, context.key)
    questions = [*choose_questions(train_questions, config.collect.questions, opened.number), *proposed]
    hardware = choose_hardware(config.model)
    champion_folder = fetch_champion(config, home, opened.champion)
    draw = partial(sample, config, home, opened, champion_folder, questions, hardware)
    candidates = sampled_once(home, context.work_folder, draw)
    comparisons = compare_candidates(questions, candidates)
    feedback = refer(config, home, comparisons, hardware, opened.number)
    drawn = in_order_of_draw(comparisons, domain=opened.domain.name, round_number=opened.number, seed=config.seed)
    feedback += convene(config, home, drawn, context.folder, opened.number, "collect")
    requests = choose(config, home, opened, comparisons, feedback, hardware)
    datasets = push(config, home, opened, requests)
    return keep_batch(home, opened, questions, candidates, feedback, datasets)
