"""curate: from all feedback so far to an immutable dataset."""

from prefect import flow

from flows.retries import plain_task
from flows.stages import RoundContext
from tasks.curation.curate import curate as build_snapshot
from tasks.feedback import log
from tasks.files import read_rows
from tasks.records import Candidate, FeedbackBatch, Question, Snapshot
from tasks.rounds import earlier_batches

build = plain_task(build_snapshot, "build snapshot")


@flow(name="curate", validate_parameters=False)
def curate(context: RoundContext, batch: FeedbackBatch) -> Snapshot:
    """Demonstrations and preference pairs from the domain's train questions and every round's feedback."""
    home, domain = context.home, context.opened.domain
    batches = [*earlier_batches(home, domain.name, batch.round), batch]
    candidates = [row for each in batches for row in read_rows(home.objects, each.candidates, Candidate)]
    questions = read_rows(home.objects, domain.questions, Question)
    feedback = log.read(home, domain.name)
    parents = [domain.questions.sha256, *(each.feedback.sha256 for each in batches)]
    return build(home, domain.name, questions, candidates, feedback, context.config, parents)
