"""collect: sample candidates from the champion, have them judged, append the feedback to the log."""

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.domain.loading import read_split
from tasks.feedback.candidates import choose_questions, sample_candidates
from tasks.feedback.collecting import judge_candidates, keep_batch
from tasks.models.hardware import choose_hardware
from tasks.records import FeedbackBatch
from tasks.registry.fetching import download_adapter

fetch_champion = network_task(download_adapter, "fetch the champion's adapter")
sample = plain_task(sample_candidates, "sample candidates")
judge = plain_task(judge_candidates, "judge candidates")


@flow(name="collect", validate_parameters=False)
def collect(context: RoundContext) -> FeedbackBatch:
    """The round's candidates and the reference judge's feedback on them, in the log and in the objects."""
    config, home, opened = context.config, context.home, context.opened
    train_questions = read_split(home, opened.domain, "train")
    questions = choose_questions(train_questions, config.collect.questions, opened.number)
    hardware = choose_hardware(config.model)
    champion_folder = fetch_champion(config, home, opened.champion)
    candidates = sample(config, opened.champion, champion_folder, questions, hardware, opened.number)
    feedback = judge(config, home, questions, candidates, hardware, opened.number)
    return keep_batch(home, opened, questions, candidates, feedback)
