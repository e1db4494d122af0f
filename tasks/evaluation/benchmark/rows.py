"""Every arm's answers with all that is measured of each: likeness to the reference, claims, citations, abstention."""

from collections.abc import Sequence

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.arms import score_arms
from tasks.evaluation.benchmark.abstention import find_abstentions
from tasks.evaluation.benchmark.answers import Said
from tasks.evaluation.benchmark.claims import rarity_among
from tasks.evaluation.benchmark.context_overlap import CONTEXT_OVERLAP, context_overlap
from tasks.evaluation.benchmark.groundedness import GROUNDEDNESS, add_claims
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved
from tasks.home import Home
from tasks.models.hardware import Hardware
from tasks.models.sharded_embeddings import embedder
from tasks.records import RETRIEVAL_ARMS, BenchmarkAnswer, Question
from tasks.retrieval.index import open_index


def describe_answers(
    config: Config,
    home: Home,
    questions: Sequence[Question],
    said: Said,
    retrieved: Retrieved | None,
    hardware: Hardware,
) -> dict[str, list[BenchmarkAnswer]]:
    """A row for each arm's answer to each test question, in their order.

    Args:
        retrieved: None where no arm retrieves.

    Raises:
        ModelError: when the embedding model cannot be loaded.
        IntegrityError: when the index was altered.
    """
    embed = embedder(config, home, hardware)
    scored = score_arms(questions, said.answers, embed)
    rows = {
        arm: [
            BenchmarkAnswer(**row.model_dump(), abstained=abstained, cited=cited)
            for row, abstained, cited in zip(
                each, _abstentions(config, said.answers[arm]), said.cited[arm], strict=True
            )
        ]
        for arm, each in scored.items()
    }
    if retrieved is None:
        return rows
    rarity = rarity_among(open_index(config, home, retrieved.index, None).term_scores)
    return {
        arm: add_claims(
            add_contexts(each, retrieved.contexts), retrieved.contexts, rarity, config.benchmark.supported_from
        )
        if arm in RETRIEVAL_ARMS
        else each
        for arm, each in rows.items()
    }


def describe_unanswerable(
    config: Config, questions: Sequence[Question], said: Said, retrieved: Retrieved | None
) -> dict[str, list[BenchmarkAnswer]]:
    """A row for each arm's answer to each question that the documents do not answer; without metrics."""
    found = {}
    for arm, answers in said.unanswerable.items():
        contexts = retrieved.unanswerable if retrieved and arm in RETRIEVAL_ARMS else None
        found[arm] = [
            BenchmarkAnswer(
                question_id=question.id,
                arm=arm,
                question=question.question,
                reference="",
                answer=generation.text,
                contexts=contexts[place].texts if contexts else (),
                answerable=False,
                abstained=abstained,
            )
            for place, (question, generation, abstained) in enumerate(
                zip(questions, answers.generations, _abstentions(config, answers), strict=True)
            )
        ]
    return found


def add_contexts(rows: Sequence[BenchmarkAnswer], contexts: Sequence[QuestionContext]) -> list[BenchmarkAnswer]:
    """The rows with the passages that stood in their prompts, and how much of each answer those hold."""
    return [
        row.model_copy(
            update={
                "contexts": context.texts,
                "metrics": {**row.metrics, CONTEXT_OVERLAP: context_overlap(row.answer, context.texts)},
            }
        )
        for row, context in zip(rows, contexts, strict=True)
    ]


def which_are_correct(rows: Sequence[BenchmarkAnswer], metric: str, correct_from: float) -> list[float]:
    """1 for each answer that scores at least `correct_from` in the metric, 0 for the others."""
    return [float(row.metrics[metric] >= correct_from) for row in rows]


def columns(rows: Sequence[BenchmarkAnswer]) -> dict[str, list[float]]:
    """The scores by metric, each in the order of the rows; groundedness, which some have not, is left out."""
    return {name: [row.metrics[name] for row in rows] for name in rows[0].metrics if name != GROUNDEDNESS}


def _abstentions(config: Config, answers: ArmAnswers) -> list[bool]:
    return find_abstentions([generation.text for generation in answers.generations], config.retrieval.abstain)
