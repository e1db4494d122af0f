"""A domain as it is when a round begins: its questions and documents, written where no later edit reaches them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tasks.config import Config
from tasks.domain.documents import read_documents
from tasks.domain.questions import is_synthetic, read_questions
from tasks.domain.skills import read_skills, require_documents
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
        DomainError: with every problem of the questions, or of the skills or the globs when the questions are sound.
        HomeError: when the home cannot be written.
    """
    return store_domain(config, home, read_questions(config.question_files, config.test_share))


def store_domain(config: Config, home: Home, questions: Sequence[Question]) -> Domain:
    """The same with these questions, whatever the config's files of questions hold."""
    skills = read_skills(config, questions)
    documents, skipped, remarks = read_documents(config.root, config.documents)
    require_documents(config, len(documents))
    _say_some(skipped, f"{len(skipped)} of {len(documents) + len(skipped)} documents skipped:")
    _say_some(remarks, f"{len(remarks)} documents have metadata that cannot be read:")
    make_writable(home)
    return Domain(
        name=config.name,
        questions=write_rows(home.objects, questions),
        documents=write_rows(home.objects, documents),
        train_questions=sum(question.split == "train" for question in questions),
        test_questions=sum(is_evaluable(question) for question in questions),
        shared_families=len(shared_families(questions)),
        synthetic_train_questions=sum(is_synthetic(question) and question.split == "train" for question in questions),
        synthetic_test_questions=sum(is_synthetic(question) and is_evaluable(question) for question in questions),
        skills={name: write_rows(home.objects, asked) for name, asked in skills.items()},
    )


def describe_questions(domain: Domain) -> str:
    """How many questions there are to train on and to test on, and how many of both a program wrote."""
    synthetic = (domain.synthetic_train_questions, domain.synthetic_test_questions)
    among = f" (synthetic: {synthetic[0]} and {synthetic[1]})" if any(synthetic) else ""
    return f"{domain.train_questions} train and {domain.test_questions} test questions{among}"


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
    return sorted(evaluable, key=_place_in_shuffle)[:max_questions]


def unanswerable_test_set(home: Home, domain: Domain, max_questions: int) -> list[Question]:
    """The first `max_questions` questions that the documents do not answer, in the order of the frozen test set.

    Raises:
        IntegrityError: when the stored questions are missing or altered.
    """
    unanswerable = (question for question in read_split(home, domain, "test") if not question.answerable)
    return sorted(unanswerable, key=_place_in_shuffle)[:max_questions]


def is_evaluable(question: Question) -> bool:
    """Whether the question belongs to the frozen test set: held out, with an answer to compare with."""
    return question.split == "test" and question.answer is not None


def shared_families(questions: Iterable[Question]) -> list[str]:
    """The families with answerable questions in both splits, sorted; only explicit `split`s make one."""
    splits: defaultdict[str, set[Split]] = defaultdict(set)
    for question in questions:
        if question.answerable:
            splits[question.family].add(question.split)
    return sorted(family for family, found in splits.items() if len(found) > 1)


def _place_in_shuffle(question: Question) -> bytes:
    return hashlib.sha256(question.id.encode("utf-8")).digest()


def _say_some(sentences: Sequence[str], title: str) -> None:
    if not sentences:
        return
    say(title)
    for sentence in sentences[:SKIPPED_SHOWN]:
        say(f"  {sentence}")
    if len(sentences) > SKIPPED_SHOWN:
        say(f"  and {len(sentences) - SKIPPED_SHOWN} more")
