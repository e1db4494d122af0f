"""What people are asked: which comparisons they see, and putting those before them in Argilla."""

from collections.abc import Sequence

from tasks.config import Config
from tasks.errors import ConfigError, first_line
from tasks.feedback import log
from tasks.feedback.drawing import request_id
from tasks.feedback.label_requests import make_request
from tasks.feedback.label_server import find_connection
from tasks.feedback.labels import LabelRequest
from tasks.feedback.routing import route
from tasks.feedback.sources import is_person
from tasks.files import read_rows, write_rows
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.progress import listed, say
from tasks.records import Candidate, Comparison, Feedback, LabelDataset
from tasks.rounds import Round, read_batches

ON_TEST_ANSWERS = (
    "These answers are to test questions: what you say here measures the models, and none learns from it. "
    "Leave your own answer empty."
)


def choose_label_requests(
    config: Config,
    home: Home,
    opened: Round,
    comparisons: Sequence[Comparison],
    judgements: Sequence[Feedback],
    hardware: Hardware,
) -> list[LabelRequest]:
    """The comparisons that the round puts before people, within the config's budget; none when they are not asked."""
    settings = config.human_feedback
    if settings.argilla is None or not comparisons:
        return []
    from tasks.models.embeddings import load_embedder

    questions = sorted({c.question.id: c.question.question for c in comparisons}.items())
    embed = load_embedder(config.model.embeddings, home, hardware.device)
    embeddings = dict(zip((name for name, _ in questions), embed([text for _, text in questions]), strict=True))
    requests, counts = route(
        comparisons,
        judgements,
        past_labels(home, opened.domain.name),
        embeddings,
        budget=settings.labels,
        audit_share=settings.audit_share,
        domain=opened.domain.name,
        round_number=opened.number,
        seed=config.seed,
    )
    say(f"collect: people are asked about {len(requests)} comparisons ({listed(counts)})")
    return requests


def choose_test_requests(config: Config, opened: Round, comparisons: Sequence[Comparison]) -> list[LabelRequest]:
    """The comparisons of challenger and champion that people see: as many of the first as the config asks for.

    People see them blind: the sides are drawn, no judge's verdict is suggested, and an answer without a word is shown
    as that.

    Args:
        comparisons: on test questions, in random order, so that the first are a sample of them all.
    """
    settings = config.human_feedback
    if settings.argilla is None:
        return []
    asked = comparisons[: settings.test_labels]
    return [_test_request(config, opened, each, priority) for priority, each in enumerate(asked, start=1)]


def _test_request(config: Config, opened: Round, comparison: Comparison, priority: int) -> LabelRequest:
    named = request_id(comparison, domain=opened.domain.name, round_number=opened.number)
    return make_request(comparison, named, why="test", priority=priority, round_number=opened.number, seed=config.seed)


def push_label_requests(
    config: Config, home: Home, opened: Round, requests: Sequence[LabelRequest]
) -> tuple[LabelDataset, ...]:
    """The datasets that hold the requests in Argilla: the round's own, that of its audit slice, that of test answers.

    A push that was killed goes on where it stopped; one that is repeated changes nothing.

    Raises:
        UnreachableError: when Argilla does not answer.
        ArgillaError: when it refuses, or a dataset of that name is not as it was made.
    """
    if not requests:
        return ()
    from tasks.feedback.argilla_store import connect, push_requests

    guidelines = read_guidelines(config)
    connection = find_connection(config, home)
    client = connect(connection)
    datasets = []
    for kind in ("routed", "audit", "test"):
        audit = kind == "audit"
        chosen = [request for request in requests if _kind_of(request) == kind]
        if chosen:
            name = f"{opened.domain.name}-round-{opened.number}{'' if kind == 'routed' else f'-{kind}'}"
            told = guidelines if kind != "test" else f"{ON_TEST_ANSWERS}\n\n{guidelines}"
            pushed = push_requests(client, connection, name, chosen, audit=audit, guidelines=told)
            stored = write_rows(home.objects, chosen)
            datasets.append(
                LabelDataset(
                    id=pushed.id,
                    name=name,
                    workspace=connection.workspace,
                    url=pushed.url,
                    audit=audit,
                    requests=stored,
                )
            )
            say(f"labels: {len(chosen)} records are in {name}: {pushed.url}")
    return tuple(datasets)


def _kind_of(request: LabelRequest) -> str:
    """Which of the round's datasets the request is in."""
    return request.why if request.why in ("audit", "test") else "routed"


def past_labels(home: Home, domain: str) -> list[tuple[Feedback, str, str]]:
    """What people have said so far, each with the texts of its two candidates."""
    said = [row for row in log.read(home, domain) if is_person(row)]
    if not said:
        return []
    batches = read_batches(home, domain)
    texts = {row.id: row.text for batch in batches for row in read_rows(home.objects, batch.candidates, Candidate)}
    known = (row for row in said if row.candidate_a in texts and row.candidate_b in texts)
    return [(row, texts[row.candidate_a], texts[row.candidate_b]) for row in known]


def read_guidelines(config: Config) -> str:
    """What annotators are told: the user's own guidelines, or the built-in ones for a domain of this name.

    Raises:
        ConfigError: when the file that the config names cannot be read.
    """
    from tasks.feedback.argilla_settings import default_guidelines

    named = config.human_feedback.guidelines
    if named is None:
        return default_guidelines(config.name)
    path = config.root / named
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"human_feedback.guidelines: {path} cannot be read ({first_line(error)}): name a markdown file in UTF-8."
        ) from error
