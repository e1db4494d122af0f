"""The oracle: a script that answers in a person's place, from the reference answers, for demos and tests.

It signs in as a user of its own, so what it says can be told from what people say: in Argilla by that name and by
the reason it gives, in the feedback log by the source `oracle`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.feedback.ingesting import ORACLE_USERNAME
from tasks.feedback.label_server import find_connection
from tasks.feedback.labels import LabelRequest
from tasks.files import read_rows
from tasks.home import Home
from tasks.judging.reference_judge import ScoreAnswers, decide, likeness
from tasks.records import LabelDataset, Preference, Question
from tasks.rounds import read_batches, read_reports, read_rounds
from tasks.settings.judging import ReferenceJudgeSettings

REASON = "scripted annotator, from the reference answer"


@dataclass(frozen=True)
class OracleAnswer:
    """What the oracle says to a request; a and b are the answers as they are shown."""

    preference: Preference
    correction: str | None


def answer_from_references(
    requests: Sequence[LabelRequest],
    references: Mapping[str, str],
    score_answers: ScoreAnswers,
    settings: ReferenceJudgeSettings,
) -> dict[str, OracleAnswer]:
    """The oracle's answers, by request id: the answer more like the reference is better, by however little.

    Where both are bad it writes the reference answer as its correction. Requests on questions without a reference
    answer get none.

    Args:
        references: the reference answers by question id.
        settings: `both_bad_below` says which answers are bad; the margin is left aside.
    """
    known = [request for request in requests if references.get(request.question_id, "").strip()]
    texts = [text for request in known for text in (request.answer_a, request.answer_b)]
    answers = [references[request.question_id] for request in known for _ in range(2)]
    scores = [likeness(row) for row in score_answers(texts, answers)]
    without_margin = settings.model_copy(update={"margin": 0.0})
    given = {}
    for place, request in enumerate(known):
        preference = decide(scores[2 * place], scores[2 * place + 1], without_margin).preference
        correction = references[request.question_id] if preference == "both_bad" else None
        given[request.id] = OracleAnswer(preference, correction)
    return given


def answer_as_oracle(config: Config, home: Home) -> int:
    """Answers what the last round asks, the last test answers among it, and the oracle has not answered yet; returns
    how many that were.

    Raises:
        RatchetError: when no round has asked people anything, or none of its questions has a reference answer.
        UnreachableError: when Argilla does not answer.
        ArgillaError: when it refuses.
    """
    rounds = list(read_rounds(home, config.name))
    datasets = _asked_last(home, config.name)
    if not rounds or not datasets:
        raise RatchetError(
            f"{config.name} has asked people nothing yet: set human_feedback.argilla and run `ratchet collect` first."
        )
    questions = read_rows(home.objects, rounds[-1][0].domain.questions, Question)
    references = {question.id: question.answer for question in questions if question.answer}
    requests = [row for each in datasets for row in read_rows(home.objects, each.requests, LabelRequest)]
    answers = answer_from_references(requests, references, _scorer(config, home), config.reference_judge)
    if not answers:
        raise RatchetError("None of the questions asked has a reference `answer` for the oracle to go by: add some.")
    return _submit(config, home, datasets, answers)


def _asked_last(home: Home, domain: str) -> list[LabelDataset]:
    """Where people were asked last about candidates, and about test answers."""
    batches, reports = read_batches(home, domain), read_reports(home, domain)
    asked = batches[-1].label_datasets if batches else ()
    return [*asked, *(reports[-1].label_datasets if reports else ())]


def _scorer(config: Config, home: Home) -> ScoreAnswers:
    from tasks.evaluation.metrics import score_answers
    from tasks.models.embeddings import load_embedder
    from tasks.models.hardware import choose_hardware

    embed = load_embedder(config.model.embeddings, home, choose_hardware(config.model).device)
    return partial(score_answers, embed=embed)


def _submit(config: Config, home: Home, datasets: Sequence[LabelDataset], answers: Mapping[str, OracleAnswer]) -> int:
    from tasks.feedback.argilla_connection import connect
    from tasks.feedback.argilla_responses import ensure_annotator, submit_responses
    from tasks.feedback.argilla_settings import CHOICES

    connection = find_connection(config, home)
    owner = connect(connection)
    oracle = ensure_annotator(owner, connection, ORACLE_USERNAME)
    client = connect(replace(connection, api_key=oracle.api_key, key_from="the oracle's user"))
    values = {
        request_id: {
            "preference": CHOICES[answer.preference][0],
            "reason": REASON,
            **({"correction": answer.correction} if answer.correction else {}),
        }
        for request_id, answer in answers.items()
    }
    return sum(submit_responses(owner, client, oracle.id, dataset.id, values) for dataset in datasets)
