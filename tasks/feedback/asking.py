"""What people are asked: which comparisons they see, and putting those before them in Argilla."""

from collections.abc import Sequence

from tasks.config import Config
from tasks.errors import ConfigError, first_line
from tasks.feedback import log
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


def push_label_requests(
    config: Config, home: Home, opened: Round, requests: Sequence[LabelRequest]
) -> tuple[LabelDataset, ...]:
    """The datasets that hold the requests in Argilla: the round's own, and that of its audit slice.

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
    for audit in (False, True):
        chosen = [request for request in requests if (request.why == "audit") == audit]
        if chosen:
            name = f"{opened.domain.name}-round-{opened.number}{'-audit' if audit else ''}"
            pushed = push_requests(client, connection, name, chosen, audit=audit, guidelines=guidelines)
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
            say(f"collect: {len(chosen)} records are in {name}: {pushed.url}")
    return tuple(datasets)


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
