"""What champion and challenger say to the questions of each skill, scored and kept.

Slices of the frozen test set need nothing here: their questions are answered with all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config import Config
from tasks.errors import DomainError
from tasks.evaluation.answering import ArmAnswers, keep_answers
from tasks.evaluation.benchmark.answers import without_citations
from tasks.evaluation.instructions import constraints_of, share_kept
from tasks.evaluation.metrics import score_answers
from tasks.files import canonical_json, read_rows, write_rows
from tasks.home import Home
from tasks.models.generation import Generation
from tasks.models.hardware import Hardware
from tasks.models.loading import load_tokenizer
from tasks.models.prompting import build_messages
from tasks.models.sharded_embeddings import embedder
from tasks.records import (
    KEEPS,
    REFUSES,
    WITH_RETRIEVAL,
    Adapter,
    AnswerRow,
    BaseModelRef,
    Passage,
    Question,
    SkillAnswers,
    SkillKind,
)
from tasks.retrieval.searching import fit_prompts, open_searcher, search_passages
from tasks.rounds import Round

if TYPE_CHECKING:
    from tasks.evaluation.metrics import Embed

_NOT_ASKED = Generation(text="", prompt_tokens=0, completion_tokens=0, latency_s=0.0)


@dataclass(frozen=True)
class _Asked:
    """A skill with its questions, and with the passages of each of their prompts, (questions,)."""

    skill: str
    kind: SkillKind
    with_retrieval: bool
    questions: Sequence[Question]
    contexts: Sequence[Sequence[Passage]]


def answer_skills(
    config: Config,
    home: Home,
    opened: Round,
    champion_folder: Path | None,
    adapter: Adapter,
    questions: Sequence[Question],
    hardware: Hardware,
) -> tuple[SkillAnswers, ...]:
    """What both said to each skill's questions, in the config's order; empty, at no cost, where there are no skills.

    Prompts, decoding and passages are those of the arms and of the benchmark, so that the champion's answers are there
    from the round before as long as they are asked the same.

    Args:
        questions: the frozen test set, asked with passages when `promote.with_retrieval` says so.

    Raises:
        DomainError: when the config names a skill that it did not when the round began.
        ModelError: when a model cannot be loaded, or a prompt is too long even without passages.
        IntegrityError: when questions or documents were altered.
    """
    asked = _asked_of(config, home, opened, questions, hardware)
    if not asked:
        return ()
    base = opened.champion.base
    arms: dict[str, tuple[Path | None, str]] = {
        "champion": (champion_folder, opened.champion.weights_sha256),
        "challenger": (home.adapters / adapter.sha256, adapter.sha256),
    }
    said = {
        arm: _answer(config, home, f"{arm}, for its skills,", base, folder, sha256, asked, hardware)
        for arm, (folder, sha256) in arms.items()
    }
    embed = embedder(config, home, hardware)
    return tuple(
        SkillAnswers(
            skill=each.skill,
            kind=each.kind,
            with_retrieval=each.with_retrieval,
            questions=len(each.questions),
            answers=write_rows(home.objects, _rows(each, {arm: said[arm][place] for arm in said}, embed)),
        )
        for place, each in enumerate(asked)
    )


def _asked_of(
    config: Config, home: Home, opened: Round, questions: Sequence[Question], hardware: Hardware
) -> list[_Asked]:
    domain = opened.domain
    if new := [skill.name for skill in config.skills if skill.name not in domain.skills]:
        raise DomainError(
            f"skills, {new[0]}: it was added after round {opened.number} began: take it out until that is finished."
        )
    wanted: list[tuple[str, SkillKind, bool, Sequence[Question]]] = [
        (skill.name, skill.kind, skill.with_retrieval, read_rows(home.objects, domain.skills[skill.name], Question))
        for skill in config.skills
    ]
    if config.promote.with_retrieval:
        wanted.append((WITH_RETRIEVAL, "answer", True, questions))
    sought = [question for _, _, retrieves, asked in wanted if retrieves for question in asked]
    found = iter(_find_passages(config, home, opened, sought, hardware) if sought else ())
    return [
        _Asked(name, kind, retrieves, asked, [next(found) if retrieves else () for _ in asked])
        for name, kind, retrieves, asked in wanted
    ]


def _find_passages(
    config: Config, home: Home, opened: Round, questions: Sequence[Question], hardware: Hardware
) -> list[list[Passage]]:
    by_relevance = config.retrieval.model_copy(update={"order": "relevance"})
    with open_searcher(config, home, opened.domain, hardware, "evaluate") as searcher:
        found = search_passages(searcher, [question.question for question in questions], by_relevance)
    return fit_prompts(config, load_tokenizer(opened.champion.base), questions, found, "evaluate")


def _answer(
    config: Config,
    home: Home,
    arm: str,
    base: BaseModelRef,
    folder: Path | None,
    weights_sha256: str,
    asked: Sequence[_Asked],
    hardware: Hardware,
) -> list[list[str]]:
    """The arm's answers, by skill and question; the model is loaded once for all skills.

    Where nothing is found, it says `retrieval.abstain`, if there is one, and is not asked.
    """
    abstain = config.retrieval.abstain
    pairs = [(each, place) for each in asked for place in range(len(each.questions))]
    silent = [abstain is not None and each.with_retrieval and not each.contexts[place] for each, place in pairs]
    prompts = [
        build_messages(
            config.system_prompt, each.questions[place].question, [passage.text for passage in each.contexts[place]]
        )
        for (each, place), unasked in zip(pairs, silent, strict=True)
        if not unasked
    ]
    generations = list[Generation]()
    if prompts:
        kept = keep_answers(config, home, arm, base, folder, weights_sha256, prompts, hardware)
        generations = read_rows(home.objects, kept, Generation)
    answered = iter(generations)
    unasked_says = _NOT_ASKED.model_copy(update={"text": abstain or ""})
    everything = ArmAnswers(
        weights_sha256=weights_sha256,
        version=None,
        generations=tuple(unasked_says if unasked else next(answered) for unasked in silent),
    )
    texts = iter(generation.text for generation in without_citations(everything)[0].generations)
    return [[next(texts) for _ in each.questions] for each in asked]


def _rows(asked: _Asked, said: Mapping[str, Sequence[str]], embed: "Embed") -> list[AnswerRow]:
    """Both arms' answers with their scores.

    The reference of an instruction is its constraints: with others it is another question to earlier champions.
    """
    references = [
        canonical_json(constraints_of(question.metadata)) if asked.kind == "instruction" else question.answer or ""
        for question in asked.questions
    ]
    return [
        AnswerRow(
            question_id=question.id,
            arm=arm,
            question=question.question,
            reference=reference,
            answer=answer,
            contexts=tuple(passage.text for passage in contexts),
            metrics=metrics,
        )
        for arm, answers in said.items()
        for question, reference, answer, contexts, metrics in zip(
            asked.questions,
            references,
            answers,
            asked.contexts,
            _score(asked, answers, references, embed),
            strict=True,
        )
    ]


def _score(
    asked: _Asked, answers: Sequence[str], references: Sequence[str], embed: "Embed"
) -> Sequence[dict[str, float]]:
    if asked.kind == "answer":
        return score_answers(answers, references, embed)
    if asked.kind == "instruction":
        return [
            {KEEPS: share_kept(answer, constraints_of(question.metadata))}
            for answer, question in zip(answers, asked.questions, strict=True)
        ]
    return [{REFUSES: float(refused)} for refused in find_refusals(answers)]


def find_refusals(answers: Sequence[str]) -> list[bool]:
    """Whether each answer refuses, in the words that curation looks for."""
    import polars as pl

    from tasks.curation.filters.refusals import refusal

    said = pl.DataFrame({"answer": list(answers)}, schema={"answer": pl.String})
    return said.select(refusal(pl.col("answer")).is_not_null()).to_series().to_list()
