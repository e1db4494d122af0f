"""What the arms say to the test questions: same prompt template, decoding and questions, with or without passages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers, keep_answers
from tasks.evaluation.benchmark.asked import Asked
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.benchmark.retrieved import QuestionContext, Retrieved
from tasks.files import read_rows
from tasks.home import Home
from tasks.models.citations import split_citations
from tasks.models.generation import Generation
from tasks.models.hardware import Hardware
from tasks.models.prompting import build_messages
from tasks.progress import say
from tasks.records import ADAPTER_ARMS, RETRIEVAL_ARMS, Message, Question
from tasks.roi.energy import read_counters


@dataclass(frozen=True)
class Said:
    """What the arms said, by arm in the order of the benchmark's arms; latencies are those of the model alone.

    Attributes:
        answers: to the test questions.
        unanswerable: to the questions that the documents do not answer.
        cited: numbers of passages at the end of each answer to a test question; the texts are without them.
        energy_j: joules of the machine while the answers to the test questions were generated; None: not read.
    """

    answers: Mapping[str, ArmAnswers]
    unanswerable: Mapping[str, ArmAnswers]
    cited: Mapping[str, Sequence[tuple[int, ...]]]
    energy_j: Mapping[str, float | None]


def answer_as_arms(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    adapter_folder: Path | None,
    asked: Asked,
    retrieved: Retrieved | None,
    hardware: Hardware,
) -> Said:
    """Each arm's answers to both kinds of question.

    An arm that retrieves and finds nothing says `retrieval.abstain`, if there is one, and the model is not asked.

    Args:
        adapter_folder: the adapter of ft and rag_ft; None where neither is an arm.
        retrieved: the passages of rag and rag_ft; None where neither is an arm.

    Raises:
        ModelError: when a model cannot be loaded, or a prompt is too long even without passages.
    """
    answers, refrained = dict[str, ArmAnswers](), dict[str, ArmAnswers]()
    cited, energy_j = dict[str, list[tuple[int, ...]]](), dict[str, float | None]()
    for arm in benchmark.arms:
        searched = retrieved if arm in RETRIEVAL_ARMS else None
        ask = partial(_answer, config, home, benchmark, arm, adapter_folder, hardware)
        raw, energy_j[arm] = ask(asked.questions, searched.contexts if searched else None)
        answers[arm], cited[arm] = without_citations(raw)
        refrained[arm], _ = without_citations(ask(asked.unanswerable, searched.unanswerable if searched else None)[0])
    if read_counters() is None:
        say("benchmark: the energy counters of this machine cannot be read, so the report has no energy")
    return Said(answers, refrained, cited, energy_j)


def without_citations(answers: ArmAnswers) -> tuple[ArmAnswers, list[tuple[int, ...]]]:
    """The answers without the citations at their ends, and the numbers of the passages that each cited."""
    split = [split_citations(generation.text) for generation in answers.generations]
    generations = tuple(
        generation.model_copy(update={"text": text})
        for generation, (text, _) in zip(answers.generations, split, strict=True)
    )
    return answers.model_copy(update={"generations": generations}), [numbers for _, numbers in split]


def build_prompts(
    config: Config, questions: Sequence[Question], contexts: Sequence[QuestionContext] | None
) -> list[tuple[Message, ...]]:
    """The prompt of each question, with the passages that were retrieved for it, if any were."""
    texts = [context.texts for context in contexts] if contexts is not None else [()] * len(questions)
    return [
        build_messages(config.system_prompt, question.question, passages)
        for question, passages in zip(questions, texts, strict=True)
    ]


def _answer(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    arm: str,
    adapter_folder: Path | None,
    hardware: Hardware,
    questions: Sequence[Question],
    contexts: Sequence[QuestionContext] | None,
) -> tuple[ArmAnswers, float | None]:
    """One arm's answers, and the joules that they took."""
    version = benchmark.version if arm in ADAPTER_ARMS else None
    weights_sha256 = version.weights_sha256 if version else benchmark.base.sha256
    prompts = build_prompts(config, questions, contexts)
    abstain = config.retrieval.abstain
    silent = {place for place, context in enumerate(contexts or ()) if abstain is not None and context.found == 0}
    asked = [prompt for place, prompt in enumerate(prompts) if place not in silent]
    generations, energy_j = list[Generation](), None
    if asked:
        folder = adapter_folder if version else None
        kept = keep_answers(config, home, arm, benchmark.base, folder, weights_sha256, asked, hardware)
        generations, energy_j = read_rows(home.objects, kept, Generation), kept.energy_j
    answered = iter(generations)
    unasked = Generation(text=abstain or "", prompt_tokens=0, completion_tokens=0, latency_s=0.0)
    answers = ArmAnswers(
        weights_sha256=weights_sha256,
        version=version.version if version else None,
        generations=tuple(unasked if place in silent else next(answered) for place in range(len(prompts))),
    )
    return answers, energy_j
