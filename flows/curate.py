"""curate: from all feedback so far to an immutable dataset."""

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.curation.curate import curate as build_snapshot
from tasks.curation.summary import keep_summary
from tasks.feedback import log
from tasks.feedback.pulling import pull_labels, wait_for_labels
from tasks.files import read_rows
from tasks.records import Candidate, FeedbackBatch, Question, Snapshot
from tasks.rounds import read_batches

pull = network_task(pull_labels, "pull from Argilla")
wait = network_task(wait_for_labels, "wait for labels")
build = plain_task(build_snapshot, "build snapshot")
summarise = plain_task(keep_summary, "summarise the feedback")


@flow(name="curate", validate_parameters=False)
def curate(context: RoundContext, batch: FeedbackBatch) -> Snapshot:
    """Demonstrations and preference pairs from the domain's train questions and every round's feedback.

    What people have submitted by now is part of it; they are waited for only when the context says so.
    """
    config, home, domain = context.config, context.home, context.opened.domain
    if context.wait_for_labels:
        wait(config, home, batch, context.wait_for_labels)
    else:
        pull(config, home)
    batches = [*read_batches(home, domain.name, before=batch.round), batch]
    candidates = [row for each in batches for row in read_rows(home.objects, each.candidates, Candidate)]
    questions = read_rows(home.objects, domain.questions, Question)
    segments = log.segments(home, domain.name)
    feedback = log.read(home, domain.name, segments)
    snapshot = build(home, domain.name, questions, candidates, feedback, config, [domain.questions.sha256, *segments])
    summarise(context.folder, home.snapshots, snapshot, segments, feedback, config.seed)
    return snapshot
