"""curate: from all feedback so far to an immutable dataset."""

from functools import partial

from prefect import flow

from flows.retries import network_task, plain_task
from flows.stages import RoundContext
from tasks.curation.curate import curate as build_snapshot
from tasks.curation.question_vectors import question_embedder
from tasks.curation.summary import keep_summary
from tasks.feedback import log
from tasks.feedback.end_user_pulling import pull_end_user_feedback
from tasks.feedback.production_store import read_production
from tasks.feedback.pulling import pull_labels, wait_for_labels
from tasks.feedback.withdrawals import Withdrawn, keep_left_out
from tasks.judging.standing import weigh_judges
from tasks.records import FeedbackBatch, Snapshot
from tasks.rounds import read_batches

pull = network_task(pull_labels, "pull from Argilla")
wait = network_task(wait_for_labels, "wait for labels")
listen = network_task(pull_end_user_feedback, "pull from production")
build = plain_task(build_snapshot, "build snapshot")
summarise = plain_task(keep_summary, "summarise the feedback")


@flow(name="curate", validate_parameters=False)
def curate(context: RoundContext, batch: FeedbackBatch, left_out: Withdrawn) -> Snapshot:
    """Demonstrations, preference pairs and rated answers from the train questions and every round's feedback.

    What people have submitted by now is part of it; they are waited for only when the context says so. Judges weigh
    what they have earned, and what was withdrawn is left out.
    """
    config, home, domain = context.config, context.home, context.opened.domain
    if context.wait_for_labels:
        wait(config, home, batch, context.wait_for_labels)
    else:
        pull(config, home)
    listen(config, home)
    batches = [*read_batches(home, domain.name, before=batch.round), batch]
    segments = log.segments(home, domain.name)
    questions, candidates = read_production(home, domain.name)
    snapshot = build(
        home,
        domain.name,
        [domain.questions, *questions],
        [*(each.candidates for each in batches), *candidates],
        config,
        segments=segments,
        weigh=partial(weigh_judges, config, home, batches),
        withdrawn=left_out,
        embed=question_embedder(config, home),
    )
    summarise(config, home, context.folder, batches, segments, snapshot)
    keep_left_out(context.folder, left_out)
    return snapshot
