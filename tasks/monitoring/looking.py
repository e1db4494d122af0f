"""One look at production: the answers of now beside those of before, what the checks say, and what that changes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.domain.documents import read_documents
from tasks.domain.questions import parse_questions
from tasks.files import sha256_of
from tasks.home import Home
from tasks.monitoring.abstention import examine_abstention, with_abstentions
from tasks.monitoring.alerts import Change, change, level_of
from tasks.monitoring.answers import Answers, ProductionAnswer
from tasks.monitoring.drift import FOLDS, tell_apart
from tasks.monitoring.history import monitor_folder
from tasks.monitoring.latency import examine_latency
from tasks.monitoring.proposals import add_proposals, screen
from tasks.monitoring.questions import Embed, draw, embed_once, scrub_questions
from tasks.monitoring.thumbs import examine_thumbs
from tasks.monitoring.topics import Asked, FoundTopic, find_topics, nearest_cosines
from tasks.records import Question
from tasks.records.monitoring import CheckKind, FindingKind, Measured, MonitorReport, Period, Verdict, Watched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_KNOWN = 10_000  # train questions and documents that questions are compared with
_KNOWN_CHARACTERS = 500  # of a document, its beginning
_SHOWN = 5  # questions screened for each that a finding may propose


@dataclass(frozen=True)
class Look:
    """What a look found, and what it changes."""

    report: MonitorReport
    watched: Watched


@dataclass(frozen=True)
class _Compared:
    """Questions of both periods with their embeddings (questions, dimensions), and those of what the model knows."""

    now: Sequence[ProductionAnswer]
    now_vectors: "NDArray[np.float32]"
    before_vectors: "NDArray[np.float32]"
    known_vectors: "NDArray[np.float32]"
    remarks: tuple[str, ...]


def periods(config: Config, at: datetime, days: int | None) -> tuple[Period, Period]:
    """The days up to `at`, and those before them that they are compared with.

    Args:
        days: None: `monitor.days`.
    """
    start = at - timedelta(days=days or config.monitor.days)
    return Period(start=start, end=at), Period(start=start - timedelta(days=config.monitor.reference_days), end=start)


def look(config: Config, home: Home, read: Sequence[Answers], at: datetime, days: int | None, watched: Watched) -> Look:
    """What the checks say of the answers that were read of both periods; new findings propose questions.

    Raises:
        DomainError: when the domain's questions cannot be used, or a glob of documents matches no file.
        ModelError: when the embedding model cannot be loaded.
        HomeError: when the home cannot be written.
    """
    settings, (now_period, before_period) = config.monitor, periods(config, at, days)
    now, before = (_prepared(config, home, answers.rows) for answers in read)
    questions = parse_questions(config.question_files, config.test_share)
    embed = _embedder(config, home)
    compared = _embed_questions(config, home, now, before, questions, embed)
    level = partial(level_of, watched=watched, at=at, settings=settings, days=days or settings.days)
    verdicts = (
        examine_drift(config, compared, level("drift")),
        examine_thumbs(now, before, settings, level("thumbs")),
        examine_abstention(now, before, settings, level("abstention")),
        examine_latency(now, before, settings, level("latency")),
    )
    topics = _topics(config, compared) if len(compared.now) else None
    changed = change(watched, verdicts, None if topics is None else [each.topic for each in topics], at)
    proposed, left_out = _propose(config, home, changed, verdicts, topics or [], questions, embed, at)
    report = MonitorReport(
        domain=config.name,
        at=at,
        now=now_period,
        before=before_period,
        answers=len(now),
        answers_before=len(before),
        skipped=dict(sum((Counter(each.skipped) for each in read), Counter())),
        remarks=(*(remark for each in read for remark in each.remarks), *compared.remarks),
        verdicts=tuple(_shortened(verdict) for verdict in verdicts),
        topics=tuple(each.topic for each in topics or ()),
        raised=changed.raised,
        lasting=changed.lasting,
        over=changed.over,
        proposed=proposed,
        not_proposed=left_out,
    )
    return Look(report, changed.watched)


def examine_drift(config: Config, compared: _Compared, level: float) -> Verdict:
    """The verdict on the questions: those of now beside those of before, or beside the train questions."""
    settings = config.monitor
    train = settings.questions_against == "train"
    what = "train questions" if train else "before"
    count, reference = len(compared.now_vectors), len(compared.before_vectors)
    needed = max(settings.min_answers, FOLDS)
    if count < needed or reference < needed:
        sentence = (
            f"Questions: {count} now and {reference} {what} are too few for a verdict; {needed} are needed of each."
        )
        return Verdict(kind="drift", sentence=sentence)
    found = tell_apart(compared.now_vectors, compared.before_vectors, level, config.seed)
    low, high = found.ci95
    sentence = (
        f"{count} questions now are told from {reference} {what} with an AUC of {found.auc:.2f} (95 % interval "
        f"{low:.2f} to {high:.2f}; 0.5: not at all); p {found.p_value:.2g}."
    )
    by_score = sorted(range(count), key=lambda place: -float(found.scores[place]))
    return Verdict(
        kind="drift",
        sentence=sentence,
        now=Measured(value=found.auc, ci95=(min(low, found.auc), max(high, found.auc)), count=count),
        p_value=found.p_value,
        level=level,
        notable=found.auc >= settings.drift_auc,
        questions=tuple(compared.now[place].question or "" for place in by_score),
    )


def _prepared(config: Config, home: Home, rows: Sequence[ProductionAnswer]) -> list[ProductionAnswer]:
    """The answers with questions without personal data, and with whether each abstained."""
    texts = [row.question or "" for row in rows]
    cache = monitor_folder(home, config.name) / "key_rules"
    scrubbed = scrub_questions(texts, config.curate.phone_regions, cache)
    clean = [replace(row, question=text or None) for row, text in zip(rows, scrubbed, strict=True)]
    return with_abstentions(clean, config.retrieval.abstain)


def _embedder(config: Config, home: Home) -> Embed:
    """From texts to vectors; the model is loaded when it is first needed."""
    loaded: list[Embed] = []

    def embed(texts: Sequence[str]) -> "NDArray[np.float32]":
        if not loaded:
            from tasks.models.embeddings import load_embedder
            from tasks.models.hardware import choose_hardware

            loaded.append(load_embedder(config.model.embeddings, home, choose_hardware(config.model).device))
        return loaded[0](texts)

    return embed


def _embed_questions(
    config: Config,
    home: Home,
    now: Sequence[ProductionAnswer],
    before: Sequence[ProductionAnswer],
    questions: Sequence[Question],
    embed: Embed,
) -> _Compared:
    import numpy as np

    drawn = draw(now, config.monitor.max_compared)
    if not drawn:
        nothing = np.zeros((0, 0), dtype=np.float32)
        return _Compared((), nothing, nothing, nothing, ())
    train = [question.question for question in questions if question.split == "train"]
    documents = read_documents(config.root, config.documents).documents
    known = list(dict.fromkeys([*train, *(each.text[:_KNOWN_CHARACTERS] for each in documents if each.text.strip())]))
    remarks: tuple[str, ...] = ()
    if len(known) > MOST_KNOWN:
        remarks = (f"Questions were compared with {MOST_KNOWN} of {len(known)} train questions and documents.",)
        known = sorted(known, key=sha256_of)[:MOST_KNOWN]
    if config.monitor.questions_against == "train":
        reference = sorted(train, key=sha256_of)[: config.monitor.max_compared]
    else:
        reference = [each.question or "" for each in draw(before, config.monitor.max_compared)]
    asked = [each.question or "" for each in drawn]
    kept = monitor_folder(home, config.name) / "questions.npz"
    vectors = embed_once([*asked, *reference, *known], embed, config.model.embeddings, kept)
    first, second = len(asked), len(asked) + len(reference)
    return _Compared(drawn, vectors[:first], vectors[first:second], vectors[second:], remarks)


def _topics(config: Config, compared: _Compared) -> list[FoundTopic]:
    nearest = nearest_cosines(compared.now_vectors, compared.known_vectors)
    texts = [each.question or "" for each in compared.now]
    return find_topics(Asked(compared.now, texts, compared.now_vectors, nearest), config.monitor)


def _propose(
    config: Config,
    home: Home,
    changed: Change,
    verdicts: Sequence[Verdict],
    topics: Sequence[FoundTopic],
    questions: Sequence[Question],
    embed: Embed,
    at: datetime,
) -> tuple[int, dict[str, int]]:
    """How many questions the findings that were raised propose, and how many were left out, by reason."""
    shown: dict[CheckKind, tuple[str, ...]] = {verdict.kind: verdict.questions for verdict in verdicts}
    by_centre = {each.topic.centre: each.questions for each in topics}
    most = config.monitor.proposals
    found: list[tuple[FindingKind, list[Question]]] = []
    left_out: Counter[str] = Counter()
    # Topics first: their questions show other findings, too, and none is proposed twice.
    for finding in sorted(changed.raised, key=lambda each: each.kind != "topic") if most else ():
        texts = by_centre[finding.centre] if finding.kind == "topic" else shown[finding.kind]
        usable, reasons = screen(list(dict.fromkeys(texts))[: most * _SHOWN], questions, config, embed)
        left_out += reasons
        found.append((finding.kind, usable))
    return add_proposals(home, config.name, found, most, at) if found else 0, dict(left_out)


def _shortened(verdict: Verdict) -> Verdict:
    """Without most of its questions, of which a report shows a few."""
    return verdict.model_copy(update={"questions": tuple(dict.fromkeys(verdict.questions))[:_SHOWN]})
