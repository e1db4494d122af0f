"""A domain as it is when a round begins: its questions and documents, written where no later edit reaches them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tasks.config import Config
from tasks.domain.documents import read_documents
from tasks.domain.questions import read_questions
from tasks.files import read_rows, write_rows
from tasks.home import Home, make_writable
from tasks.progress import say
from tasks.records import Domain, Question, Split

SKIPPED_SHOWN = 20


def load_domain(config: Config, home: Home) -> Domain:
    """Writes the config's questions and documents as content-addressed files and returns the record naming them.

    The same content gives the same record on any machine. Documents that cannot be read are left out and named
    in the progress output.

    Raises:
        DomainError: with every problem of the questions, or of the globs when the questions are sound.
        HomeError: when the home cannot be written.
    """
    questions = read_questions(config.root / config.questions, config.test_share)
    documents, skipped = read_documents(config.root, config.documents)
    _say_skipped(skipped, total=len(documents) + len(skipped))
    make_writable(home)
    return Domain(
        name=config.name,
        questions=write_rows(home.objects, questions),
        documents=write_rows(home.objects, documents),
        train_questions=sum(question.split == "train" for question in questions),
        test_questions=sum(is_evaluable(question) for question in questions),
        shared_families=len(shared_families(questions)),
    )


def read_split(home: Home, domain: Domain, split: Split) -> list[Question]:
    """The domain's questions of one split, in file order.

    Raises:
        IntegrityError: when the stored questions are missing or altered.
    """
    return [question for question in read_rows(home.objects, domain.questions, Question) if question.split == split]


def frozen_test_set(home: Home, domain: Domain, max_questions: int) -> list[Question]:
    """The first `max_questions` test questions with an answer, in the order of the sha256 of their ids.

    That order is a fixed shuffle: it depends on no other question, nor on the order of the file.

    Raises:
        IntegrityError: when the stored questions are missing or altered.
    """
    evaluable = filter(is_evaluable, read_split(home, domain, "test"))
    return sorted(evaluable, key=lambda question: hashlib.sha256(question.id.encode("utf-8")).digest())[:max_questions]


def is_evaluable(question: Question) -> bool:
    """Whether the question belongs to the frozen test set: held out, with an answer to compare with."""
    return question.split == "test" and question.answer is not None


def shared_families(questions: Iterable[Question]) -> list[str]:
    """The families with questions in both splits, sorted; only explicit `split`s make one."""
    splits: defaultdict[str, set[Split]] = defaultdict(set)
    for question in questions:
        splits[question.family].add(question.split)
    return sorted(family for family, found in splits.items() if len(found) > 1)


def _say_skipped(skipped: Sequence[str], total: int) -> None:
    if not skipped:
        return
    say(f"{len(skipped)} of {total} documents skipped:")
    for sentence in skipped[:SKIPPED_SHOWN]:
        say(f"  {sentence}")
    if len(skipped) > SKIPPED_SHOWN:
        say(f"  and {len(skipped) - SKIPPED_SHOWN} more")
