"""What people have asked already: a synthetic question must neither repeat it nor give a test answer away."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.domain.questions import is_synthetic, parse_questions
from tasks.domain.splits import normalised
from tasks.progress import say
from tasks.records import Question, Split
from tasks.synthetic_questions.drafts import Draft
from tasks.words import split_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

# Share of the different words of a person's answer from which another one says the same.
SAME_ANSWER_FROM = 0.8
_FEW_WORDS = 4


def read_human_questions(config: Config) -> list[Question]:
    """The config's questions that are not marked as synthetic; there need not be any yet.

    Raises:
        DomainError: with every problem of the files that are there.
    """
    there = [path for path in config.question_files if path.exists()]
    for missing in (path for path in config.question_files if path not in there):
        say(f"questions: {missing} does not exist yet; nothing is compared with it")
    return [question for question in parse_questions(there, config.test_share) if not is_synthetic(question)]


def compare_with(
    human: Sequence[Question], embed: "Embed | None", similarity: float | None
) -> "Callable[[Sequence[Draft]], list[bool]]":
    """A function that tells of each draft whether a person has asked it, in the same words or in words that mean it.

    Args:
        embed: from texts to vectors of length 1, (texts, dimensions); None: words alone are compared.
        similarity: cosine from which two questions are the same; None: words alone are compared.
    """
    texts = {normalised(question.question) for question in human}
    compares = embed is not None and similarity is not None and bool(human)
    vectors = embed([question.question for question in human]) if embed is not None and compares else None

    def find_repeated(drafts: Sequence[Draft]) -> list[bool]:
        same = [normalised(draft.question) in texts for draft in drafts]
        if vectors is None or embed is None or similarity is None or not drafts:
            return same
        nearest = (embed([draft.question for draft in drafts]) @ vectors.T).max(axis=1)
        return [found or bool(cosine >= similarity) for found, cosine in zip(same, nearest, strict=True)]

    return find_repeated


def repeats_an_answer(draft: Draft, human: Sequence[Question]) -> Split | None:
    """The split of a question whose answer the draft's answer holds: test, where there is one, else train; or None.

    Only questions on the draft's document count, and test questions that name no sources: they may be about any. An
    answer of fewer than four words is looked for only where its document is known: "yes" and "1998" stand in many.
    """
    found: set[Split] = {
        question.split
        for question in human
        if question.answer is not None
        and (draft.document_id in question.sources or (question.split == "test" and not question.sources))
        and _holds(draft.answer, question.answer, is_source=bool(question.sources))
    }
    return next((split for split in ("test", "train") if split in found), None)


def _holds(answer: str, given: str, *, is_source: bool) -> bool:
    said, wanted = split_words(answer), split_words(given)
    if len(wanted) < _FEW_WORDS:
        return is_source and f" {' '.join(wanted)} " in f" {' '.join(said)} "
    return len(set(wanted) & set(said)) / len(set(wanted)) >= SAME_ANSWER_FROM
