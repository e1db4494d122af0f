"""What a domain's files say about themselves before any round is run: counts, errors and warnings.

An error stops a round from starting; a warning is something its author will want to know before trusting the
figures. Nothing is written and no model is loaded.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from tasks.config import Config
from tasks.domain.documents import read_documents
from tasks.domain.json_objects import shown
from tasks.domain.loading import is_evaluable, shared_families
from tasks.domain.questions import is_synthetic, read_questions
from tasks.domain.skills import read_skills, require_documents, too_small
from tasks.domain.splits import normalised
from tasks.domain.text_damage import SIGNS, damage
from tasks.errors import DomainError
from tasks.records import Count, Document, Question, Record

MAX_EXAMPLES = 5
MAX_SKIPPED = 20
CountTokens = Callable[[str], int]

_PLACEHOLDERS = frozenset(
    {"-", "--", "?", "...", "n/a", "na", "nil", "none", "null", "tba", "tbc", "tbd", "todo", "xxx"}
)
_MIN_ANSWERS_TO_COMPARE = 10


class Finding(Record):
    """One thing found."""

    severity: Literal["error", "warning"] = Field(description="error: no round can run; warning: one can, but read it")
    sentence: str = Field(description="what is wrong, the value, what to do")
    examples: tuple[str, ...] = Field(default=(), description="ids of up to 5 questions or documents concerned")


class Examination(Record):
    """A domain's counts, and everything found in it. Counts are 0 for a file that could not be read."""

    questions: Count
    train_questions: Count = Field(description="questions with split train")
    test_questions: Count = Field(description="questions with split test and an answer: the frozen test set")
    answers_missing: Count = Field(description="answerable questions without an answer")
    synthetic_train_questions: Count = Field(description="train questions that a program wrote")
    synthetic_test_questions: Count = Field(description="questions of the frozen test set that a program wrote")
    families: Count
    shared_families: Count = Field(description="families in both splits")
    documents: Count = Field(description="documents that could be read")
    documents_skipped: Count = Field(description="documents that could not")
    lengths_checked: bool = Field(description="whether a tokenizer was at hand to count with")
    findings: tuple[Finding, ...] = Field(description="errors first")

    @property
    def passed(self) -> bool:
        """Whether a round can run: there is no error."""
        return all(finding.severity != "error" for finding in self.findings)


def examine(config: Config, count_tokens: CountTokens | None) -> Examination:
    """The state of the domain that the config names; without `count_tokens`, lengths are left out.

    Never raises for what the domain's files hold: a DomainError becomes error findings.
    """
    findings: list[Finding] = []
    questions: list[Question] = []
    documents: list[Document] = []
    skipped: list[str] = []
    remarks: list[str] = []
    try:
        questions = read_questions(config.question_files, config.test_share)
    except DomainError as error:
        findings += [Finding(severity="error", sentence=problem) for problem in error.problems]
    try:
        documents, skipped, remarks = read_documents(config.root, config.documents)
    except DomainError as error:
        findings += [Finding(severity="error", sentence=problem) for problem in error.problems]
    findings += _skipped_findings(skipped)
    findings += [Finding(severity="warning", sentence=remark) for remark in remarks]
    findings += _document_findings(documents)
    if questions:
        findings += _skill_findings(config, questions, len(documents))
        findings += _question_findings(config, questions, {document.id for document in documents}, count_tokens)
    return Examination(
        questions=len(questions),
        train_questions=sum(question.split == "train" for question in questions),
        test_questions=sum(is_evaluable(question) for question in questions),
        answers_missing=sum(question.answerable and question.answer is None for question in questions),
        synthetic_train_questions=sum(is_synthetic(question) and question.split == "train" for question in questions),
        synthetic_test_questions=len(_synthetic_tests(questions)),
        families=len({question.family for question in questions}),
        shared_families=len(shared_families(questions)),
        documents=len(documents),
        documents_skipped=len(skipped),
        lengths_checked=count_tokens is not None,
        findings=tuple(findings),
    )


def _question_findings(
    config: Config, questions: Sequence[Question], document_ids: set[str], count_tokens: CountTokens | None
) -> Iterator[Finding]:
    yield from _size_findings(config, questions)
    yield from _synthetic_findings(questions)
    yield from _leak_findings(questions)
    yield from _answer_findings(questions)
    yield from _source_findings(questions, document_ids)
    texts = {question.id: f"{question.question}\n{question.answer or ''}" for question in questions}
    yield from _damage_findings(texts, "question")
    if count_tokens is not None:
        yield from _length_findings(config, questions, count_tokens)


def _size_findings(config: Config, questions: Sequence[Question]) -> Iterator[Finding]:
    least, most = config.promote.min_test_questions, config.evaluate.max_questions
    test_set = sum(is_evaluable(question) for question in questions)
    if test_set < least:
        yield _warning(
            f"The test set has {_counted(test_set, 'question')}, fewer than `promote.min_test_questions` ({least}): "
            "add test questions with an answer, or nothing will ever be promoted."
        )
    if most < least:
        yield _warning(
            f"`evaluate.max_questions` ({most}) is below `promote.min_test_questions` ({least}): "
            "raise it, or nothing will ever be promoted."
        )


def _skill_findings(config: Config, questions: Sequence[Question], documents: int) -> Iterator[Finding]:
    try:
        require_documents(config, documents)
        small = too_small(config, questions, read_skills(config, questions))
    except DomainError as error:
        yield from (Finding(severity="error", sentence=problem) for problem in error.problems)
        return
    for name, (count, needed) in small.items():
        yield _warning(
            f"The skill {name} has {_counted(count, 'question')}, and it takes {needed} to prove that nothing is lost: "
            "add some, raise its margin, or leave it out, or nothing will ever be promoted."
        )


def _synthetic_tests(questions: Sequence[Question]) -> list[Question]:
    return [question for question in questions if is_synthetic(question) and is_evaluable(question)]


def _synthetic_findings(questions: Sequence[Question]) -> Iterator[Finding]:
    found = _synthetic_tests(questions)
    if found:
        yield _warning(
            f"{_counted(len(found), 'synthetic question')} in the test set by explicit `split`: leave `split` out, or "
            "the test figures are about questions that nobody asked.",
            [question.id for question in found],
        )


def _leak_findings(questions: Sequence[Question]) -> Iterator[Finding]:
    shared = set(shared_families(questions))
    if shared:
        yield _warning(
            f"{_counted(len(shared), 'family')} in both train and test by explicit `split`: "
            "keep each in one, or the test figures come out too high.",
            [question.id for question in questions if question.family in shared],
        )
    by_text: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_text[normalised(question.question)].append(question)
    repeated = [same for same in by_text.values() if len(same) > 1]
    if repeated:
        yield _warning(
            f"{_counted(sum(len(same) - 1 for same in repeated), 'question')} with the text of an earlier one: "
            "remove the repetitions, they count twice.",
            [same[1].id for same in repeated],
        )
    leaked = [question.id for same in repeated for question in _learnt_test_questions(same)]
    if leaked:
        yield _warning(
            f"{_counted(len(leaked), 'test question')} with the text of a train question: "
            "give both one `family`, or the test figures come out too high.",
            leaked,
        )


def _learnt_test_questions(same: Sequence[Question]) -> list[Question]:
    """The test questions among questions of one text, when training sees that text too."""
    test = [question for question in same if question.split == "test"]
    return test if len(test) < len(same) else []


def _answer_findings(questions: Sequence[Question]) -> Iterator[Finding]:
    answers = {question.id: normalised(question.answer) for question in questions if question.answer is not None}
    missing = [question.id for question in questions if question.answerable and question.id not in answers]
    if missing:
        yield _warning(
            f"{_counted(len(missing), 'question')} without an `answer`: "
            "add it, or the reference judge and the evaluation leave them out.",
            missing,
        )
    echoes = [question.id for question in questions if answers.get(question.id) == normalised(question.question)]
    if echoes:
        yield _warning(
            f"{_counted(len(echoes), 'answer')} equal to the question: write what the answer should be.", echoes
        )
    placeholders = [question_id for question_id, answer in answers.items() if answer in _PLACEHOLDERS]
    if placeholders:
        yield _warning(
            f'{_counted(len(placeholders), "placeholder")} such as "{answers[placeholders[0]]}" as the answer: '
            "leave the key out until there is an answer.",
            placeholders,
        )
    (answer, times), *_ = Counter(answers.values()).most_common(1) or [("", 0)]
    if len(answers) >= _MIN_ANSWERS_TO_COMPARE and times > len(answers) / 2:
        yield _warning(
            f"{times} of {len(answers)} answers are the same: vary them, or saying nothing else scores well.",
            [question_id for question_id, text in answers.items() if text == answer],
        )


def _source_findings(questions: Sequence[Question], document_ids: set[str]) -> Iterator[Finding]:
    dangling = [
        (question.id, source) for question in questions for source in question.sources if source not in document_ids
    ]
    if dangling:
        yield _warning(
            f"{_counted(len({source for _, source in dangling}), 'source')} naming no document, "
            f"such as {dangling[0][1]!r}: correct the id, or add the document.",
            list(dict.fromkeys(question_id for question_id, _ in dangling)),
        )


def _skipped_findings(skipped: Sequence[str]) -> Iterator[Finding]:
    for sentence in skipped[:MAX_SKIPPED]:
        yield _warning(sentence)
    if len(skipped) > MAX_SKIPPED:
        yield _warning(f"{_counted(len(skipped) - MAX_SKIPPED, 'more document')} skipped: correct these first.")


def _document_findings(documents: Sequence[Document]) -> Iterator[Finding]:
    yield from _damage_findings({document.id: document.text for document in documents}, "document")


def _damage_findings(texts: dict[str, str], noun: str) -> Iterator[Finding]:
    found = {text_id: damage(text) for text_id, text in texts.items()}
    for kind in SIGNS:
        damaged = {text_id: signs[kind] for text_id, signs in found.items() if kind in signs}
        if damaged:
            example = shown(next(iter(damaged.values())))
            yield _warning(
                f"{_counted(len(damaged), noun)} with {kind} ({example}): correct the text where it comes from.",
                list(damaged),
            )


def _length_findings(config: Config, questions: Sequence[Question], count_tokens: CountTokens) -> Iterator[Finding]:
    """Texts beyond the config's limits. The chat template's own tokens are left out, so near misses go unseen."""
    system = count_tokens(config.system_prompt)
    prompts = {question.id: system + count_tokens(question.question) for question in questions}
    answers = {question.id: count_tokens(question.answer) for question in questions if question.answer is not None}
    rows = {
        question.id: prompts[question.id] + answers[question.id]
        for question in questions
        if question.split == "train" and question.id in answers
    }
    yield from _over(prompts, config.generation.max_prompt_tokens, "prompt", "`generation.max_prompt_tokens`")
    yield from _over(answers, config.generation.max_new_tokens, "answer", "`generation.max_new_tokens`")
    yield from _over(rows, config.train.max_length, "training row", "`train.max_length`")


def _over(lengths: dict[str, int], limit: int, noun: str, setting: str) -> Iterator[Finding]:
    over = [text_id for text_id, tokens in lengths.items() if tokens > limit]
    if over:
        longest = max(lengths[text_id] for text_id in over)
        yield _warning(
            f"{_counted(len(over), noun)} longer than {setting} ({limit} tokens; the longest has {longest}): "
            "shorten them, or raise the setting.",
            over,
        )


def _warning(sentence: str, examples: Sequence[str] = ()) -> Finding:
    return Finding(severity="warning", sentence=sentence, examples=tuple(examples[:MAX_EXAMPLES]))


def _counted(count: int, noun: str) -> str:
    """The count with its noun: "1 family", "2 families", "3 questions"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{count} {noun}s"
