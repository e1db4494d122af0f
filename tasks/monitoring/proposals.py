"""Production's questions that findings propose for the next collect.

monitor/<domain>/proposals.jsonl         all that were ever proposed, in their order
rounds/<domain>/<round>/proposals.json   those that the round's collect took

They have no reference answer, so that people and LLM judges compare their candidates, and the reference judge does not.
None is a test question or near one, none is a train question, and none is asked twice.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

from pydantic import AwareDatetime

from tasks.config import Config
from tasks.curation.filters.decontamination import Embed, drop_contaminated
from tasks.domain.splits import normalised
from tasks.errors import IntegrityError
from tasks.feedback.end_users import find_question, texts_of
from tasks.feedback.pairing import comparable_text
from tasks.feedback.production_store import keep_production
from tasks.files import canonical_json, encode_rows, parse_rows, read_record, read_rows, write_atomically, write_rows
from tasks.home import Home
from tasks.monitoring.history import monitor_folder
from tasks.progress import listed, say
from tasks.records import Candidate, FileRef, Question, Record, Sha256
from tasks.records.monitoring import FindingKind
from tasks.rounds import Round, read_batches
from tasks.words import split_words

MAX_CHARACTERS = 1000
MAX_WORDS = 200


class Proposal(Record):
    """A question of production that is worth answers that people and judges compare; scrubbed."""

    question: str
    because: FindingKind
    at: AwareDatetime


class Drawn(Record):
    """What a round's collect took.

    Attributes:
        key: of the stage as it ran.
        proposals: the sha256 of the file of proposals by then.
    """

    key: str
    proposals: Sha256
    questions: FileRef


def screen(
    texts: Sequence[str], questions: Sequence[Question], config: Config, embed: Embed | None
) -> tuple[list[Question], Counter[str]]:
    """The texts as questions that may be asked, in their order, and how many were left out, by reason.

    Args:
        questions: the domain's own, of both splits.
        embed: from texts to vectors, to find those that mean what a test question does; None: by words only.
    """
    import polars as pl

    own = texts_of(questions)
    left_out: Counter[str] = Counter()
    kept: dict[str, Question] = {}
    for text in texts:
        found = find_question(text, own)
        if not split_words(text):
            left_out["without_words"] += 1
        elif len(text) > MAX_CHARACTERS or len(split_words(text)) > MAX_WORDS:
            left_out["too_long"] += 1
        elif found is None:
            left_out["test_questions"] += 1
        elif comparable_text(text) in own.train or normalised(text) in own.train_families:
            left_out["train_questions"] += 1
        elif found.family in kept:
            left_out["repeated"] += 1
        else:
            kept[found.family] = found
    held_out = [question for question in questions if question.split == "test"]
    tests = pl.DataFrame(
        {name: [getattr(each, name) for each in held_out] for name in ("id", "question", "answer")},
        schema=dict.fromkeys(("id", "question", "answer"), pl.String),
    )
    rows = pl.DataFrame(
        {"question": [each.question for each in kept.values()]}, schema={"question": pl.String}
    ).with_columns(completion=pl.lit(""))
    settings = config.curate.decontamination
    near = drop_contaminated(rows, tests, ngram=settings.ngram, similarity=settings.similarity, embed=embed).removed
    left_out["near_test_questions"] += len(near)
    unusable = set(near["question"])
    return [each for each in kept.values() if each.question not in unusable], left_out


def add_proposals(
    home: Home, domain: str, found: Sequence[tuple[FindingKind, Sequence[Question]]], most: int, at: AwareDatetime
) -> int:
    """Proposes at most so many questions for each finding; returns how many were not proposed before.

    The findings take turns, so that a round that asks few of them asks about each.

    Raises:
        HomeError: when the disk is full or not writable.
        IntegrityError: when the file of proposals is damaged.
    """
    earlier = read_proposals(home, domain)
    known = {normalised(each.question) for each in earlier}
    new: list[Proposal] = []
    columns: list[list[Proposal]] = []
    for kind, questions in found:
        column: list[Proposal] = []
        for question in questions:
            text = normalised(question.question)
            if len(column) < most and text not in known:
                known.add(text)
                column.append(Proposal(question=question.question, because=kind, at=at))
        columns.append(column)
    new = [each for each in chain.from_iterable(zip_longest(*columns)) if each is not None]
    if new:
        write_atomically(_path(home, domain), encode_rows([*earlier, *new])[0])
    return len(new)


def read_proposals(home: Home, domain: str) -> list[Proposal]:
    """All that were ever proposed, the oldest first.

    Raises:
        IntegrityError: when the file is damaged.
    """
    path = _path(home, domain)
    try:
        return list(parse_rows(path.read_bytes(), Proposal))
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise IntegrityError(
            f"{path} is damaged: delete it, and nothing is proposed until the next finding."
        ) from error


def are_waiting(config: Config, home: Home, last_round: int) -> bool:
    """Whether something was proposed since that round's collect, and the config has it asked."""
    path = _path(home, config.name)
    if config.collect.proposals == 0 or not path.exists():
        return False
    drawn = _read_drawn(home.round(config.name, last_round))
    return drawn is None or drawn.proposals != _sha256(path)


def draw_proposals(config: Config, home: Home, opened: Round, folder: Path, key: str) -> list[Question]:
    """The newest questions that the round asks beside the domain's own, at most `collect.proposals`; kept for curation.

    A stage that runs again has the same. What another round asked, or has no room in a prompt, is left out.

    Args:
        folder: the round's.
        key: of the running stage.

    Raises:
        IntegrityError: when proposals or questions are damaged.
        ModelError: when the base model's tokenizer, or the embeddings, cannot be loaded.
        HomeError: when the disk is full or not writable.
    """
    before = _read_drawn(folder)
    if before is not None and before.key == key:
        return read_rows(home.objects, before.questions, Question)
    path = _path(home, config.name)
    if config.collect.proposals == 0 or not path.exists():
        return []
    proposals, sha256 = read_proposals(home, config.name), _sha256(path)
    newest = sorted(proposals, key=lambda each: each.at, reverse=True)  # stable: a look's own order stays
    chosen = _choose(config, home, opened, [each.question for each in newest])
    if chosen:
        keep_production(home, config.name, chosen, ())
        say(f"collect: {len(chosen)} questions from production are asked, too")
    drawn = Drawn(key=key, proposals=sha256, questions=write_rows(home.objects, chosen))
    write_atomically(folder / "proposals.json", canonical_json(drawn).encode())
    return chosen


def _choose(config: Config, home: Home, opened: Round, texts: Sequence[str]) -> list[Question]:
    from tasks.curation.question_vectors import question_embedder
    from tasks.models.generation import encode_prompts
    from tasks.models.loading import load_tokenizer
    from tasks.models.prompting import build_messages

    questions = read_rows(home.objects, opened.domain.questions, Question)
    usable, left_out = screen(texts, questions, config, question_embedder(config, home))
    asked = {
        row.question_id
        for batch in read_batches(home, config.name, before=opened.number)
        for row in read_rows(home.objects, batch.candidates, Candidate)
    }
    left_out["asked_before"] += sum(question.id in asked for question in usable)
    usable = [question for question in usable if question.id not in asked]
    tokenizer = load_tokenizer(opened.champion.base)
    chosen: list[Question] = []
    for question in usable:
        if len(chosen) == config.collect.proposals:
            break
        (ids,) = encode_prompts(tokenizer, [build_messages(config.system_prompt, question.question)])
        if len(ids) > config.generation.max_prompt_tokens:
            left_out["too_long"] += 1
        else:
            chosen.append(question)
    if any(left_out.values()):
        say(f"collect: proposals left out: {listed(left_out)}")
    return chosen


def _read_drawn(folder: Path) -> Drawn | None:
    return read_record(folder / "proposals.json", Drawn, "delete it, and the round draws proposals again")


def _path(home: Home, domain: str) -> Path:
    return monitor_folder(home, domain) / "proposals.jsonl"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
